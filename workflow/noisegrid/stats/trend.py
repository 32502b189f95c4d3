"""Permutation tests of order: whether one quantity rises with another, and whether neighbours are alike."""

import itertools
import math
from typing import NamedTuple

import numpy as np

Array = np.ndarray
#: Up to this number of values, a test is exact: it counts all permutations. Beyond, it draws DRAWS of them or, if there
#: are many values, fewer, but at least LEAST: so many that they have about PLACES places together.
ALL_PERMUTATIONS = 8
DRAWS, LEAST, PLACES = 50_000, 1000, 2_000_000
#: The number of values, or of means of blocks of values, whose trend is tested.
BLOCKS = 30
#: Two sums that differ by a smaller factor are equal: they differ by rounding alone.
EQUAL = 1e-9


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
    orders = _orders(n)
    signs, others = (np.sign(values[:, None] - values) for values in (np.asarray(first), np.asarray(second)))
    sums = np.zeros(len(orders))
    for i, j in itertools.combinations(range(n), 2):
        sums += signs[i, j] * others[orders[:, i], orders[:, j]]
    untied = math.sqrt(np.count_nonzero(np.triu(signs)) * np.count_nonzero(np.triu(others)))
    rising, falling = (min(1.0, 2 * float(np.mean(way * sums >= way * sums[0]))) for way in (1, -1))
    smallest = min(1.0, 2 * float(np.mean(sums == sums.max())))
    return Trend(float(sums[0] / untied) if untied else math.nan, rising, falling, smallest)


def trend_in_order(values: Array) -> Trend:
    """Test whether values rise or fall in their order, by Kendall's tau with their places.

    If there are more than BLOCKS values, the means of neighbouring values are tested, in blocks of equal size; the
    first values are left out if they do not fill a block.
    """
    size = math.ceil(len(values) / BLOCKS)
    means = values[len(values) % size :].reshape(-1, size).mean(axis=1)
    return kendall(np.arange(len(means)), means)


def p_neighbours(distances: Array) -> float:
    """Return the p-value of the statement that values next to each other are more alike than others.

    The mean distance of neighbours is compared with that in random orders. With squared differences of numbers as
    distances, this is the permutation test of von Neumann's ratio.

    Parameters
    ----------
    distances : (values, values)
        The distance of each pair of values, in their order. The matrix is symmetric.

    References
    ----------
    von Neumann, Distribution of the ratio of the mean square successive difference to the variance, Ann. Math. Stat. 12
    (1941).
    """
    orders = _orders(len(distances))
    sums = np.zeros(len(orders))
    for place in range(len(distances) - 1):
        sums += distances[orders[:, place], orders[:, place + 1]]
    return float(np.mean(sums <= sums[0] * (1 + EQUAL)))


def _orders(n: int) -> Array:
    """Return permutations of the places of n values, one per row. The first one is the observed order."""
    if n <= ALL_PERMUTATIONS:
        return np.array(list(itertools.permutations(range(n))))
    draws = int(np.clip(PLACES // n, LEAST, DRAWS))
    orders = np.random.default_rng(0).permuted(np.tile(np.arange(n), (draws, 1)), axis=1)
    orders[0] = np.arange(n)  # the observed order is one of the permutations
    return orders
