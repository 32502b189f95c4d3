"""The independent-error null: the spread that would be expected if errors on different examples were independent."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from noisegrid.stats.intervals import CONFIDENCE
from noisegrid.stats.parts import Parts

Array = np.ndarray
#: Number of values that can be permuted in about ten seconds, which limits the number of draws. Each draw permutes one
#: value per replicate and example, for the examples that only some of the replicates predict correctly.
NULL_WORK = 400_000_000
#: Largest number of values to permute at a time.
VALUES_AT_ONCE = 2_000_000


class Null(NamedTuple):
    """Median and central 95 % range that a statistic would have if errors on different examples were independent."""

    median: Array
    low: Array
    high: Array


def independent_error_null(
    correct: Array,
    parts: Parts,
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
    parts : Parts
        The parts of the examples in which correct predictions are counted.
    statistic : callable
        Function of these counts. It takes an integer array of shape (replicates, draws, parts), and returns an array
        whose first axis is that of the draws.
    rng : Generator
        Source of the random numbers.
    draws : int, optional
        Number of permutations. By default, it is 1,000 or, if `correct` is large, a smaller number, but at least 200.
    groups : (replicates,), optional
        Group of each replicate. Predictions are permuted only among replicates of the same group.

    Returns
    -------
    Null
        The median and the central 95 % range, as arrays of the shape that `statistic` returns for one draw.

    References
    ----------
    Jordan, On the variance of neural network training with respect to test sets and distributions, ICLR 2024.
    """
    changing = correct.any(axis=0) & ~correct.all(axis=0)
    unstable, stable = np.flatnonzero(changing), np.flatnonzero(~changing)
    members = [np.arange(len(correct))] if groups is None else [np.flatnonzero(groups == g) for g in np.unique(groups)]
    if draws is None:
        draws = int(np.clip(NULL_WORK // max(1, len(correct) * len(unstable)), 200, 1000))
    always, sometimes = parts.only(stable).hits(correct[:, stable]), parts.only(unstable)
    values_per_draw = len(correct) * max(1, len(unstable), always.shape[-1])
    at_once = max(1, min(draws, VALUES_AT_ONCE // values_per_draw))
    values = []
    for first in range(0, draws, at_once):
        count = min(at_once, draws - first)
        hits = np.repeat(always[:, None], count, axis=1)
        for rows in members:
            tiled = np.tile(correct[np.ix_(rows, unstable)], (1, count))
            shuffled = rng.permuted(tiled, axis=0).reshape(len(rows), count, len(unstable))
            hits[rows] += sometimes.hits(shuffled)
        values.append(statistic(hits))
    low, median, high = np.quantile(
        np.concatenate(values), [(1 - CONFIDENCE) / 2, 0.5, (1 + CONFIDENCE) / 2], axis=0, overwrite_input=True
    )
    return Null(median, low, high)
