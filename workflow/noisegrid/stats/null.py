"""The independent-error null: the spread that remains if every example errs independently of all others."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from noisegrid.stats.intervals import CONFIDENCE

Array = np.ndarray
#: Permuted values (replicates x unstable examples x draws) that a null may cost: about ten seconds.
NULL_WORK = 400_000_000


class Null(NamedTuple):
    """What a statistic would be if examples erred independently: its median and central 95 % range."""

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
    """The independent-error null of a statistic of `correct` (replicates, examples).

    Each example keeps how often it was right, but in which replicates is redrawn, independently of all other examples:
    what is left is the spread that plain sampling gives (Jordan, ICLR 2024). Examples that are always right or always
    wrong stay as they are, so only the others are permuted. By default 1,000 draws, fewer (at least 200) where one is
    large. `groups` (replicates,) keeps permutations inside a group.
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
