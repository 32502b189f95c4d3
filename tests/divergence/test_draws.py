"""Which operations draw random numbers: those that can, with the arguments that they got."""

import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from noisegrid.divergence.tracer import draws

X = torch.ones(1, 2, 8, 4)


class Drawn(TorchDispatchMode):
    """Note what draws, and what has the tag of what can draw."""

    def __init__(self):
        super().__init__()
        self.drawn, self.tagged = [], []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if draws(function, args, kwargs or {}):
            self.drawn.append(function)
        if torch.Tag.nondeterministic_seeded in function.tags:
            self.tagged.append(function)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("work", "random"),
    [
        (lambda: torch.randn(3), True),
        (lambda: torch.ones(3).bernoulli_(0.5), True),
        (lambda: functional.dropout(X, 0.5, training=True), True),
        (lambda: functional.dropout(X, 0.5, training=False), False),
        (lambda: torch.native_dropout(X, 0.5, False), False),
        (lambda: functional.scaled_dot_product_attention(X, X, X, dropout_p=0.5), True),
        (lambda: functional.scaled_dot_product_attention(X, X, X), False),
        (X.relu, False),
    ],
)
def test_what_draws(work, random):
    with Drawn() as found:
        work()
    assert bool(found.drawn) == random


def test_attention_without_dropout_has_the_tag_of_what_can_draw():
    """Why the tag alone does not tell."""
    with Drawn() as found:
        functional.scaled_dot_product_attention(X, X, X)
    assert found.tagged and not found.drawn
