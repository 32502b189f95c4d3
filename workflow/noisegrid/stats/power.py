"""The smallest gain that is significant with a given number of runs, and the number of runs needed to detect a gain.

A gain is the difference between the mean results of two methods.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy import special

from noisegrid.stats.intervals import student_quantile

#: The largest number of units per method, or of further ones, that is considered.
LIMIT = 100_000


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


def replicates_needed(deviation: float, gain: float, power: float = 0.8) -> int | None:
    """Return the number of runs per method needed to detect a true gain with a two-sided t test at the 5 % level.

    Parameters
    ----------
    deviation : float
        Standard deviation between runs, which holds for both methods.
    gain : float
        The true gain, in the unit of `deviation`.
    power : float
        The required probability of detecting the gain.

    Returns
    -------
    int or None
        The number of runs, or None if it exceeds LIMIT or if the deviation is unknown (NaN).
    """
    return None if math.isnan(deviation) else units_to_decide(gain, [deviation**2] * 2, power)


def units_to_decide(effect: float, variances: list[float], power: float = 0.8) -> int | None:
    """Return the number of units per method at which a two-sided t test at the 5 % level detects an effect.

    Parameters
    ----------
    effect : float
        The true difference between the means.
    variances : list of float
        The variance of each method's results or, for a paired test, the variance of the differences alone.
    power : float
        The required probability of detecting the effect.

    Returns
    -------
    int or None
        The number of units, at least two; None if it exceeds LIMIT.
    """

    def enough(units: int) -> bool:
        return t_power(effect, variances, units) >= power

    return smallest_count(enough, 2)


def smallest_count(enough: Callable[[int], bool], least: int) -> int | None:
    """Return the smallest count that is enough, by doubling and bisection; None if LIMIT is not enough.

    Parameters
    ----------
    enough : callable
        Whether a count is enough. Every larger count is enough, too.
    least : int
        The smallest count that is considered.
    """
    most = least
    while not enough(most):
        if most >= LIMIT:
            return None
        most = min(2 * most, LIMIT)
    too_few = max(most // 2, least - 1)  # at LIMIT, a smaller count than was tried
    while most - too_few > 1:
        middle = (too_few + most) // 2
        too_few, most = (too_few, middle) if enough(middle) else (middle, most)
    return most


def t_power(effect: float, variances: list[float], units: int) -> float:
    """Return the power of the two-sided t test at the 5 % level: Welch's for two variances, the paired one for one.

    Welch's degrees of freedom are those of the true variances.

    Parameters
    ----------
    effect : float
        The true difference between the means.
    variances : list of float
        The variance of each method's results or, for a paired test, the variance of the differences alone.
    units : int
        The number of units per method, at least two.
    """
    total = sum(variances)
    if effect == 0 or total == 0:
        return 0.05 if effect == 0 else 1.0
    freedom = (units - 1) / sum((variance / total) ** 2 for variance in variances)
    critical, shift = student_quantile(freedom), abs(effect) / math.sqrt(total / units)
    missed = special.nctdtr(freedom, shift, critical) - special.nctdtr(freedom, shift, -critical)
    return 1.0 if math.isnan(missed) else float(1 - missed)
