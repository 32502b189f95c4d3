"""Estimates with intervals, of means and standard deviations, and the median."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from noisegrid.stats.spreads import spread

Array = np.ndarray
CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """A value with its interval, which is a 95 % interval unless the function that returns it states otherwise.

    Attributes
    ----------
    value, low, high : float
        The value and the ends of its interval; both ends are NaN if there is no interval.
    error : float
        The standard error of the value; NaN if the interval does not come from one.
    freedom : float
        The degrees of freedom of the standard error or, for a standard deviation, of the chi-square distribution.
    """

    value: float
    low: float
    high: float
    error: float = np.nan
    freedom: float = np.nan


def student_quantile(freedom: float, confidence: float = CONFIDENCE) -> float:
    """Return the two-sided critical value of Student's t for the given degrees of freedom."""
    # scipy.special, because scipy.stats takes ten times as long to import
    return float(special.stdtrit(freedom, (1 + confidence) / 2))


def student_interval(value: float, error: float, freedom: float, confidence: float = CONFIDENCE) -> Estimate:
    """Return a value with Student's t interval, given its standard error and the degrees of freedom."""
    margin = student_quantile(freedom, confidence) * error
    return Estimate(value, value - margin, value + margin, error, freedom)


def mean(values: Array, sets: Array | None = None) -> Estimate:
    """Estimate a mean with Student's t interval.

    Replicates that share a seed set are not independent. If there are several seed sets, the values are therefore
    averaged within each seed set first. The estimate is the mean of these averages, and the degrees of freedom are the
    number of seed sets minus one.

    Parameters
    ----------
    values : (replicates,)
        The values.
    sets : (replicates,), optional
        Index of the seed set of each replicate.
    """
    if sets is not None and len(kinds := np.unique(sets)) > 1:
        values = np.array([values[sets == kind].mean() for kind in kinds])
    centre, error = values.mean(), values.std(ddof=1) / np.sqrt(len(values))
    return student_interval(float(centre), float(error), len(values) - 1)


def mean_difference(first: Array, second: Array, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate the difference between the means of two independent samples.

    The interval comes from Welch's t test, which does not assume equal variances. If all values of both samples are
    equal within their sample, the interval has no width.

    Parameters
    ----------
    first, second : (values,)
        The samples, of at least two values each.
    confidence : float
        Confidence of the interval.

    References
    ----------
    Welch, The generalization of 'Student's' problem, Biometrika 34 (1947).
    """
    parts = [values.var(ddof=1) / len(values) for values in (first, second)]
    difference, total = float(first.mean() - second.mean()), sum(parts)
    if total == 0:
        return Estimate(difference, difference, difference, 0.0)
    freedom = total**2 / sum(p**2 / (len(v) - 1) for p, v in zip(parts, (first, second), strict=True))
    return student_interval(difference, float(np.sqrt(total)), float(freedom), confidence)


def std(values: Array) -> Estimate:
    """Estimate the standard deviation over replicates. The chi-square interval assumes normally distributed values."""
    return std_interval(float(spread(values)), len(values) - 1)


def std_interval(value: float, freedom: int) -> Estimate:
    """Return a standard deviation with its chi-square interval for the given degrees of freedom."""
    tails = special.chdtri(freedom, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    low, high = value * np.sqrt(freedom / tails)
    return Estimate(value, float(low), float(high), freedom=freedom)


def median(values: Array | Sequence[float]) -> float:
    """Return the median of a sequence of values."""
    return float(np.median(np.asarray(values, dtype=float)))
