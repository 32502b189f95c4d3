"""How large a difference a study can show, and how many replicates a difference takes."""

import math

import numpy as np
from scipy import special

from noisegrid.stats.intervals import student_quantile

Array = np.ndarray


def significant_difference(deviation: float, n: int) -> float:
    """The smallest observed gain between two methods, n runs each, that a t test calls real at 95 %."""
    return float(student_quantile(2 * n - 2) * deviation * np.sqrt(2 / n))


def replicates_needed(deviation: float, gain: float, power: float = 0.8, limit: int = 100_000) -> int | None:
    """Runs per method so that a true gain is called real at 95 % (two-sided) with this power.

    None above limit, or where the deviation is not known (NaN).
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
    """Probability that a two-sided two-sample t test at 95 % sees a true gain with n runs each (noncentral t)."""
    if n < 2:
        return 0.0
    if deviation == 0:
        return 1.0
    freedom, shift = 2 * n - 2, gain / (deviation * np.sqrt(2 / n))
    critical = student_quantile(freedom)
    return float(1 - special.nctdtr(freedom, shift, critical) + special.nctdtr(freedom, shift, -critical))
