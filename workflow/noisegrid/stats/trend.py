"""Whether one quantity rises with another, for a handful of values: Kendall's tau with its permutation test."""

import itertools
import math
from typing import NamedTuple

import numpy as np

Array = np.ndarray
#: Up to this number of values, the test is exact: it counts all permutations. Beyond, it draws DRAWS of them.
ALL_PERMUTATIONS = 8
DRAWS = 50_000


class Trend(NamedTuple):
    """Kendall's rank correlation and the p-values of its permutation test.

    Attributes
    ----------
    tau : float
        Kendall's tau-b; NaN if all values of one quantity are equal.
    p_rising, p_falling : float
        The two-sided p-value of the statement that one quantity rises, or falls, with the other. The p-value of the
        direction that is not observed is about 1.
    smallest : float
        The smallest p-value that any order of these values can give. If it is above 5 %, the test cannot decide.
    """

    tau: float
    p_rising: float
    p_falling: float
    smallest: float


def kendall(first: Array, second: Array) -> Trend:
    """Test by permutation whether two quantities rise together. Ties are allowed.

    Parameters
    ----------
    first, second : (values,)
        The two quantities, for example of several devices.

    References
    ----------
    Kendall, A new measure of rank correlation, Biometrika 30 (1938).
    """
    n = len(first)
    if n <= ALL_PERMUTATIONS:
        orders = np.array(list(itertools.permutations(range(n))))
    else:
        orders = np.random.default_rng(0).permuted(np.tile(np.arange(n), (DRAWS, 1)), axis=1)
        orders[0] = np.arange(n)  # the observed order is one of the permutations
    signs, others = (np.sign(values[:, None] - values) for values in (np.asarray(first), np.asarray(second)))
    sums = np.zeros(len(orders))
    for i, j in itertools.combinations(range(n), 2):
        sums += signs[i, j] * others[orders[:, i], orders[:, j]]
    untied = math.sqrt(np.count_nonzero(np.triu(signs)) * np.count_nonzero(np.triu(others)))
    rising, falling = (min(1.0, 2 * float(np.mean(way * sums >= way * sums[0]))) for way in (1, -1))
    smallest = min(1.0, 2 * float(np.mean(sums == sums.max())))
    return Trend(float(sums[0] / untied) if untied else math.nan, rising, falling, smallest)
