"""Networks of which is known what changes their logits. All arithmetic but the planted one is exact in any order."""

import random
from collections.abc import Callable

import torch
from torch import Tensor, nn

#: 1 + ONE_ULP is the float32 after 1.
ONE_ULP = 2.0**-23
#: The number of examples and of classes.
EXAMPLES, CLASSES = 10, 4


class Layer(nn.Module):
    """A layer that is a function."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def around(planted: Callable[[Tensor], Tensor] | nn.Module) -> tuple[nn.Module, Tensor]:
    """Put a layer between two exact ones, which double and add; the inputs are small whole numbers."""
    layer = planted if isinstance(planted, nn.Module) else Layer(planted)
    network = nn.Sequential()
    network.add_module("first", Layer(lambda x: x * 2))
    network.add_module("planted", layer)
    network.add_module("last", Layer(lambda x: x * 4))
    return network, torch.arange(1.0, 1 + EXAMPLES * CLASSES).view(EXAMPLES, CLASSES)


def clean():
    return around(lambda x: x * 2)


def alone():
    """An example that is alone in its batch is one or two ULP off, by the same operation."""
    return around(lambda x: x * (1 + ONE_ULP * (len(x) == 1)))


def alone_by_another_operation():
    return around(lambda x: torch.nextafter(x, x + 1) if len(x) == 1 else x)


def batch_norm():
    """Batch norm that normalises by the examples of the batch, also in inference."""
    return around(nn.BatchNorm1d(CLASSES, affine=False, track_running_stats=False))


def batch_norm_in_inference():
    """Batch norm as it should be."""
    return around(nn.BatchNorm1d(CLASSES, affine=False, eps=0.0))


def by_place():
    return around(lambda x: x * (1 + ONE_ULP * (torch.arange(len(x)) == 0).view(-1, 1)))


def by_threads():
    return around(lambda x: x * (1 + ONE_ULP * (torch.get_num_threads() > 1)))


def harmless():
    """A tensor whose size is that of the batch, with the same value for every example."""
    return around(lambda x: x * torch.full((len(x), 1), 2.0))


def logits_under_a_name():
    network, inputs = clean()
    return Layer(lambda x: {"loss": x.sum(), "logits": network(x)}), inputs


def other_class():
    """Alone, the first class of every example wins instead of the last."""
    return around(lambda x: x.flip(1) if len(x) == 1 else x)


def unseeded():
    return around(lambda x: x * random.SystemRandom().random())


def failing():
    def fail(x: Tensor) -> Tensor:
        raise ValueError("no batch of one\nand more" if len(x) == 1 else "no batch")

    return around(fail)


def no_network():
    return 3


def no_logits():
    return around(lambda x: x.sum())


def whole_numbers():
    return around(lambda x: x.long())
