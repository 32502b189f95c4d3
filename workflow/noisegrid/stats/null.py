"""The independent-error null: the spread that would be expected if errors on different examples were independent."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from noisegrid.stats.intervals import CONFIDENCE

Array = np.ndarray
#: Number of values that can be permuted in about ten seconds, which limits the number of draws. Each draw permutes one
#: value per replicate and example, for the examples that only some of the replicates predict correctly.
NULL_WORK = 400_000_000


class Null(NamedTuple):
    """Median and central 95 % range that a statistic would have if errors on different examples were independent."""

    median: Array
    low: Array
    high: Array


def independent_error_null(
    correct: Array,
    statistic: Callable[[Array], Array],
    rng: np.random.Generator,
    draws: int | None = None,
    groups: Array | None = None,
) -> Null:
    """Compute the distribution that a statistic would have if errors on different examples were independent.

    Each example keeps its number of correct predictions. The replicates that predict it correctly are drawn at random,
    independently of all other examples. The spread that remains comes from sampling alone. Examples that all replicates
    or no replicates predict correctly are not permuted, because permuting them would change nothing.

    Parameters
    ----------
    correct : bool (replicates, examples)
        Whether each prediction is correct.
    statistic : callable
        Function that takes an array of the shape of `correct` and returns an array.
    rng : Generator
        Source of the random numbers.
    draws : int, optional
        Number of permutations. By default, it is 1,000 or, if `correct` is large, a smaller number, but at least 200.
    groups : (replicates,), optional
        Group of each replicate. Predictions are permuted only among replicates of the same group.

    Returns
    -------
    Null
        The median and the central 95 % range, as arrays of the shape that `statistic` returns.

    References
    ----------
    Jordan, On the variance of neural network training with respect to test sets and distributions, ICLR 2024.
    """
    unstable = np.flatnonzero(correct.any(axis=0) & ~correct.all(axis=0))
    members = [np.arange(len(correct))] if groups is None else [np.flatnonzero(groups == g) for g in np.unique(groups)]
    blocks = [(np.ix_(rows, unstable), correct[np.ix_(rows, unstable)]) for rows in members]
    if draws is None:
        draws = int(np.clip(NULL_WORK // max(1, len(correct) * len(unstable)), 200, 1000))
    shuffled = correct.copy()
    values = []
    for _ in range(draws):
        for place, block in blocks:
            shuffled[place] = rng.permuted(block, axis=0)
        values.append(statistic(shuffled))
    low, median, high = np.quantile(values, [(1 - CONFIDENCE) / 2, 0.5, (1 + CONFIDENCE) / 2], axis=0)
    return Null(median, low, high)
