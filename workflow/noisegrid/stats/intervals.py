"""Estimates with intervals: means, standard deviations, medians, ratios of timed blocks."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from noisegrid.stats.spreads import spread

Array = np.ndarray
CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """A value with its interval (95 % unless the function says otherwise)."""

    value: float
    low: float
    high: float


def student_quantile(freedom: int) -> float:
    """Two-sided critical value of Student's t. (scipy.special, since scipy.stats takes ten times as long to import.)"""
    return float(special.stdtrit(freedom, (1 + CONFIDENCE) / 2))


def mean(values: Array, sets: Array | None = None) -> Estimate:
    """Mean of (replicates,) with Student's t interval.

    sets (replicates,): numbers of sets that hold the same seeds. Runs of one are not independent of each other, so with
    several the mean is that of the sets' means, and what varies is the sets: t on sets - 1.
    """
    if sets is not None and len(kinds := np.unique(sets)) > 1:
        values = np.array([values[sets == kind].mean() for kind in kinds])
    centre, error = values.mean(), values.std(ddof=1) / np.sqrt(len(values))
    margin = student_quantile(len(values) - 1) * error
    return Estimate(float(centre), float(centre - margin), float(centre + margin))


def std(values: Array) -> Estimate:
    """`spread` of (replicates,) with the chi-square interval, which assumes near-normal values."""
    return std_interval(float(spread(values)), len(values) - 1)


def std_interval(value: float, freedom: int) -> Estimate:
    """The chi-square interval of a standard deviation with so many degrees of freedom."""
    tails = special.chdtri(freedom, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    low, high = value * np.sqrt(freedom / tails)
    return Estimate(value, float(low), float(high))


def median(values: Array | Sequence[float]) -> float:
    """Median of (values,)."""
    return float(np.median(np.asarray(values, dtype=float)))


def median_interval(values: Array | Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """Median of (values,) with the interval between two order statistics, which assumes nothing of the distribution.

    At least `confidence`; NaN where so few values cannot give it (95 %: below six).
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    n = len(ordered)
    # the largest k with P(at most k - 1 of n values below the median) <= (1 - confidence) / 2
    tails = special.bdtr(np.arange(n), n, 0.5)
    k = int((tails <= (1 - confidence) / 2).sum())
    low, high = (ordered[k - 1], ordered[n - k]) if k else (np.nan, np.nan)
    return Estimate(median(ordered), float(low), float(high))


def ratio_of_blocks(values: Sequence[float], reference: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """Ratio of two arms' times, block by block: each block stands beside the one that was timed next to it."""
    pairs = zip(values, reference, strict=False)  # a run that was cut off has a block more of one arm
    return median_interval([value / other for value, other in pairs], confidence)
