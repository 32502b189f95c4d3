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
    """Return the two-sided critical value of Student's t at CONFIDENCE for some degrees of freedom."""
    # scipy.special, because scipy.stats takes ten times as long to import
    return float(special.stdtrit(freedom, (1 + CONFIDENCE) / 2))


def mean(values: Array, sets: Array | None = None) -> Estimate:
    """Estimate a mean with Student's t interval.

    Replicates of one seed set are not independent. With several seed sets, the estimate is therefore the mean of the
    means of the seed sets, and t has one degree of freedom less than there are seed sets.

    Parameters
    ----------
    values : (replicates,)
        The values.
    sets : (replicates,), optional
        Number of the seed set of each replicate.
    """
    if sets is not None and len(kinds := np.unique(sets)) > 1:
        values = np.array([values[sets == kind].mean() for kind in kinds])
    centre, error = values.mean(), values.std(ddof=1) / np.sqrt(len(values))
    margin = student_quantile(len(values) - 1) * error
    return Estimate(float(centre), float(centre - margin), float(centre + margin))


def std(values: Array) -> Estimate:
    """Estimate the standard deviation of (replicates,) with the chi-square interval, which assumes normal values."""
    return std_interval(float(spread(values)), len(values) - 1)


def std_interval(value: float, freedom: int) -> Estimate:
    """Return a standard deviation with its chi-square interval for some degrees of freedom."""
    tails = special.chdtri(freedom, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    low, high = value * np.sqrt(freedom / tails)
    return Estimate(value, float(low), float(high))


def median(values: Array | Sequence[float]) -> float:
    """Return the median of (values,)."""
    return float(np.median(np.asarray(values, dtype=float)))


def median_interval(values: Array | Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """Estimate the median of (values,) with an interval between two order statistics.

    The interval makes no assumption about the distribution. It covers the median with at least `confidence`. Its ends
    are NaN if there are too few values for that (fewer than six at 95 %).
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    n = len(ordered)
    # the largest k with P(at most k - 1 of n values below the median) <= (1 - confidence) / 2
    tails = special.bdtr(np.arange(n), n, 0.5)
    k = int((tails <= (1 - confidence) / 2).sum())
    low, high = (ordered[k - 1], ordered[n - k]) if k else (np.nan, np.nan)
    return Estimate(median(ordered), float(low), float(high))


def ratio_of_blocks(values: Sequence[float], reference: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """Estimate the median ratio of two arms' step times, pairing blocks that were timed one after the other.

    Parameters
    ----------
    values, reference : (blocks,)
        Step times of the two arms, in the order of the blocks. Surplus blocks of one arm are ignored.
    confidence : float
        Confidence of the interval.
    """
    pairs = zip(values, reference, strict=False)  # an interrupted run has one more block of one arm
    return median_interval([value / other for value, other in pairs], confidence)
