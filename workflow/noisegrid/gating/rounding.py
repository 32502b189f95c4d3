"""Results that two different runs may share: rounded ones, and accuracies on a small test set."""

import math
from fractions import Fraction

import numpy as np

from noisegrid.stats.gain import grid_step

Array = np.ndarray
#: Largest test set whose accuracies are recognized as fractions, and the number of decimals of a rounded result.
EXAMPLES, DECIMALS = 100_000, 5


def may_tie(value: float, share: bool = False) -> bool:
    """Return whether two different runs may have exactly this result.

    They may if it is rounded to a few decimals, or if it is a fraction (or a percentage) of a test set. With the 24
    bits in which trackers store it, every number may be the fraction of a larger test set.

    Parameters
    ----------
    value : float
        The result.
    share : bool
        Whether the metric is a share, such as an accuracy.
    """
    return _denominator(value) > 0 or (share and float(np.float32(value)) == value)


def _denominator(value: float) -> int:
    """Return the smallest n for which a result that may tie is a multiple of 1 / n; 0 for one that may not."""
    with np.errstate(over="ignore"):
        single = float(np.float32(value)) == value  # a tracker stored it with 24 bits
    rounding = abs(value) * (2**-23 if single else 2**-48)
    for decimals in range(DECIMALS + 1):
        if abs(value - round(value, decimals)) <= rounding:
            return 10**decimals
    for factor in (1, 100):
        fraction = factor * Fraction(value / factor).limit_denominator(1000 if single else EXAMPLES)
        if abs(value - float(fraction)) <= rounding:
            return fraction.denominator
    return 0


def step(values: Array) -> float:
    """Return the step of the grid on which all results lie: of their last decimal, or one test example.

    Accuracies that were rounded lie nearly on the grid of the test examples, which is the coarser one (see
    `stats.gain.grid_step`).

    Returns
    -------
    float
        The step. 0 if one of the results may not tie, or if all are equal.
    """
    denominators = [_denominator(float(value)) for value in values]
    common = math.lcm(*denominators)
    if not common:
        return 0.0
    places = [round(float(value) * common) for value in values]
    return grid_step(values) or math.gcd(*(place - places[0] for place in places)) / common
