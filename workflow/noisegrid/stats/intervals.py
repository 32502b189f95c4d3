"""Estimates with intervals, of means and standard deviations, and the median."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from noisegrid.stats.spreads import pooled_spread, spread

Array = np.ndarray
CONFIDENCE = 0.95
#: The fewest values from which a spread can be planned with, or an outlier be told.
FEWEST = 5


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

    def scaled(self, factor: float) -> "Estimate":
        """Return the estimate in another unit; the factor is positive."""
        value, low, high, error, freedom = self
        return Estimate(factor * value, factor * low, factor * high, factor * error, freedom)


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


def std(values: Array, sets: Array | None = None) -> Estimate:
    """Estimate the standard deviation over replicates, with a chi-square interval.

    The interval assumes values that are not more heavy-tailed than the normal distribution. If the fourth moment of the
    values is larger than that of the normal distribution, the degrees of freedom are reduced, so that the interval is
    wider. They are never increased. With fewer than about 20 values, the fourth moment is hardly known: see `outlier`.

    Parameters
    ----------
    values : (replicates,)
        The values.
    sets : (replicates,), optional
        Index of the seed set of each replicate. If there are several, the deviations are from the mean of the set.

    Returns
    -------
    Estimate
        The standard deviation, with NaN as ends if there is one value in each set. `freedom` is the number of
        replicates minus the number of sets, also where the interval uses fewer degrees of freedom.

    References
    ----------
    Shoemaker, Fixing the F test for equal variances, The American Statistician 57 (2003), for the degrees of freedom.
    """
    groups = np.zeros(len(values), int) if sets is None else sets
    value, freedom = float(pooled_spread(values, groups)), len(values) - len(np.unique(groups))
    if not value > 0:
        return std_interval(value, freedom)
    residuals = values - np.array([values[groups == group].mean() for group in groups])
    narrow = std_interval(value, min(freedom, _freedom(residuals)))
    return narrow._replace(freedom=freedom)


def _freedom(residuals: Array) -> float:
    """Return the degrees of freedom of a variance, given the deviations from the mean and their fourth moment.

    They are those of the chi-square distribution whose variance fits that of the estimated variance. For normal values,
    this is about the number of values.
    """
    n = len(residuals)
    residuals = residuals / np.abs(residuals).max()  # the fourth power of a tiny or huge one is no number
    kurtosis = n * float((residuals**4).sum()) / float((residuals**2).sum()) ** 2
    excess = kurtosis - (n - 3) / (n - 1) if n > 1 else 0.0
    return max(1.0, 2 * n / excess) if excess > 0 else math.inf


def std_interval(value: float, freedom: float) -> Estimate:
    """Return a standard deviation with its chi-square interval for the given degrees of freedom."""
    if freedom < 1:
        return Estimate(value, np.nan, np.nan, freedom=freedom)
    tails = special.chdtri(freedom, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    low, high = value * np.sqrt(freedom / tails)
    return Estimate(value, float(low), float(high), freedom=freedom)


def outlier(values: Array, level: float = 0.01) -> int | None:
    """Return the index of the value that lies apart from all others by Grubbs' test; None if none does.

    One such value in ten makes the intervals of means and standard deviations too narrow. It must therefore be named.

    Parameters
    ----------
    values : (replicates,)
        The values. With fewer than five, no value is said to lie apart.
    level : float
        The probability that a value is named although all values are normally distributed.

    References
    ----------
    Grubbs, Sample criteria for testing outlying observations, Ann. Math. Stat. 21 (1950).
    """
    n, deviation = len(values), float(spread(values))
    if n < FEWEST or not deviation > 0:
        return None
    distances = np.abs(values - values.mean()) / deviation
    t = student_quantile(n - 2, 1 - level / n)
    limit = (n - 1) / math.sqrt(n) * math.sqrt(t**2 / (n - 2 + t**2))
    farthest = int(distances.argmax())
    return farthest if distances[farthest] > limit else None


def median(values: Array | Sequence[float]) -> float:
    """Return the median of a sequence of values."""
    return float(np.median(np.asarray(values, dtype=float)))
