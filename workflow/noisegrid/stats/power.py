"""The smallest gain that is significant with a given number of runs, and the number of runs needed to detect a gain.

A gain is the difference between the mean results of two methods.
"""

import math

import numpy as np
from scipy import special

from noisegrid.stats.intervals import student_quantile

Array = np.ndarray


def significant_difference(deviation: float, n: int, freedom: float) -> float:
    """Return the difference between two means of n runs that run-to-run noise alone exceeds with probability 5 %.

    The standard deviation is an estimate, so that Student's t has its degrees of freedom, not those of the two samples
    that are compared.

    Parameters
    ----------
    deviation : float
        Estimated standard deviation between runs, which holds for both methods.
    n : int
        Number of runs per method.
    freedom : float
        Degrees of freedom of the estimate: for n runs without seed sets, n - 1.
    """
    return float(student_quantile(freedom) * deviation * np.sqrt(2 / n))


def replicates_needed(deviation: float, gain: float, power: float = 0.8, limit: int = 100_000) -> int | None:
    """Return the number of runs per method needed to detect a true gain with a two-sided t test at the 5 % level.

    Parameters
    ----------
    deviation : float
        Standard deviation between runs.
    gain : float
        The true gain, in the unit of `deviation`.
    power : float
        The required probability of detecting the gain.
    limit : int
        The largest number of runs to consider.

    Returns
    -------
    int or None
        The number of runs, or None if it exceeds the limit or if the deviation is unknown (NaN).
    """
    if math.isnan(deviation):
        return None
    enough = 2
    while t_test_power(deviation, gain, enough) < power:
        enough *= 2
        if enough > limit:
            return None
    low, high = enough // 2, enough
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if t_test_power(deviation, gain, middle) >= power else (middle, high)
    return high


def t_test_power(deviation: float, gain: float, n: int) -> float:
    """Return the probability that a two-sided two-sample t test at the 5 % level detects a true gain.

    Parameters
    ----------
    deviation : float
        Standard deviation between runs.
    gain : float
        The true gain, in the unit of `deviation`.
    n : int
        Number of runs per method.
    """
    if n < 2:
        return 0.0
    if deviation == 0:
        return 1.0
    freedom, shift = 2 * n - 2, gain / (deviation * np.sqrt(2 / n))
    critical = student_quantile(freedom)
    return float(1 - special.nctdtr(freedom, shift, critical) + special.nctdtr(freedom, shift, -critical))
