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


def step(values: Array, share: bool = False) -> float:
    """Return the step of the grid on which all results lie: of their last decimal, or one test example.

    Accuracies that were rounded lie nearly on the grid of the test examples, which is the coarser one (see
    `stats.gain.grid_step`). Two different results have one distance, which need not be a step. Their step is that of
    their last decimal or, for a share, one example of the smallest test set that can give both.

    Parameters
    ----------
    values : (values,)
        The results.
    share : bool
        Whether the metric is a share, such as an accuracy.

    Returns
    -------
    float
        The step. 0 if one of the results may not tie, or if all are equal.
    """
    denominators = [_denominator(float(value)) for value in values]
    common = math.lcm(*denominators)
    if not 0 < common <= 2**53:  # above, floats do not tell the places apart
        return 0.0
    if len(np.unique(values)) == 2:
        return (share and _one_example(np.unique(values), common)) or 1 / common
    places = [round(float(value) * common) for value in values]
    return grid_step(values) or math.gcd(*(place - places[0] for place in places)) / common


def _one_example(values: Array, common: int) -> float:
    """Return the share of one example of the smallest test set that gives all shares; 0 if none is small enough.

    The shares are rounded to multiples of 1 / common. They are percentages if one of them exceeds 1.
    """
    scale = 100 if values.max() > 1 else 1
    for count in range(1, min(EXAMPLES, scale * common) + 1):
        correct = np.round(values * count / scale)
        if np.abs(correct * scale / count - values).max() <= 0.5001 / common:
            return scale / count
    return 0.0
