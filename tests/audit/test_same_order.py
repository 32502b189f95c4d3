"""Two epochs with the same order of examples, of which the second may have been cut short."""

import pytest

from noisegrid.audit.observation import Epoch
from noisegrid.audit.rules.data import _same_order

WHOLE = tuple(range(240))


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (WHOLE, WHOLE[:80], True),
        (WHOLE, (1, 0, *WHOLE[2:80]), False),
        (WHOLE, WHOLE[:7], False),  # too few to tell
        ((0, 1, 2), (0, 1, 2), True),
        ((0,), (0,), False),  # one example has one order
        (WHOLE, (), False),
    ],
)
def test_the_order_of_two_epochs(first, second, same):
    assert _same_order(*(Epoch(0, each, tuple(map(str, each))) for each in (first, second))) == same
