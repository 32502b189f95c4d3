"""p-values of statements about estimates: above a bound, different, equivalent. And Holm's correction for several."""

import numpy as np
from scipy import special

from noisegrid.stats.intervals import CONFIDENCE, Estimate, student_interval

Array = np.ndarray


def difference(first: Estimate, second: Estimate, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate the difference of two independent estimates, each of which has a standard error.

    The degrees of freedom are those of Welch and Satterthwaite. For the means of two samples, this is Welch's t test.

    Parameters
    ----------
    first, second : Estimate
        The estimates. Only `value`, `error` and `freedom` are used.
    confidence : float
        Confidence of the interval.

    Returns
    -------
    Estimate
        `first` - `second`. The ends are NaN if a standard error is unknown, or if both are 0.

    References
    ----------
    Welch, The generalization of 'Student's' problem, Biometrika 34 (1947).
    """
    value, error = first.value - second.value, float(np.hypot(first.error, second.error))
    if not error > 0:
        return Estimate(value, np.nan, np.nan, error)
    shares = [((part.error / error) ** 4, part.freedom) for part in (first, second) if part.error > 0]
    freedom = 1 / sum(share / freedom for share, freedom in shares)
    return student_interval(value, error, freedom, confidence)


def log_ratio(first: Estimate, second: Estimate, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate the logarithm of the ratio of two independent estimates that are not negative, by the delta method.

    Parameters
    ----------
    first, second : Estimate
        The estimates. Only `value`, `error` and `freedom` are used.
    confidence : float
        Confidence of the interval.

    Returns
    -------
    Estimate
        The logarithm of `first` / `second`. If one of the two is 0, the value is infinite and has no interval, and
        `error` is the relative error of the other. If both are 0, the value is NaN.
    """
    found = difference(_log(first), _log(second), confidence)
    return found if np.isfinite(found.value) else found._replace(low=np.nan, high=np.nan)


def _log(estimate: Estimate) -> Estimate:
    """Return the logarithm of an estimate, with the relative error as its standard error."""
    if estimate.value == 0:
        return Estimate(-np.inf, np.nan, np.nan, 0.0)
    return Estimate(float(np.log(estimate.value)), np.nan, np.nan, estimate.error / estimate.value, estimate.freedom)


def p_above(estimate: Estimate, bound: float = 0.0) -> float:
    """Return the one-sided p-value of the statement that the true value is above a bound.

    The value may be infinite: the log ratio of a positive estimate and 0 (see `log_ratio`). What is uncertain is then
    whether the positive estimate is above 0, and the p-value is that of this statement. NaN if there is no standard
    error, or if it is 0.
    """
    if not estimate.error > 0:
        return np.nan
    excess = float(np.sign(estimate.value)) if np.isinf(estimate.value) else estimate.value - bound
    return float(special.stdtr(estimate.freedom, -excess / estimate.error))


def p_different(estimate: Estimate, margin: float = 0.0) -> float:
    """Return the two-sided p-value of the statement that the true value differs from 0 by more than `margin`.

    It is at most 5 % if and only if the 95 % interval lies outside the margin.
    """
    return float(np.minimum(1.0, 2 * p_above(estimate._replace(value=abs(estimate.value)), margin)))


def p_equivalent(estimate: Estimate, margin: float) -> float:
    """Return the p-value of the statement that the true value differs from 0 by less than `margin`.

    It is the larger p-value of two one-sided t tests (TOST), and at most 5 % if and only if the 90 % interval lies
    inside the margin.

    References
    ----------
    Schuirmann, A comparison of the two one-sided tests procedure and the power approach, J. Pharmacokinet. Biopharm. 15
    (1987).
    """
    return p_above(estimate._replace(value=-abs(estimate.value)), -margin)


def p_spread_below(ratio: float, freedom: float, bound: float) -> float:
    """Return the p-value of the statement that a true standard deviation is less than `bound` times a known one.

    The values are assumed to be normally distributed.

    Parameters
    ----------
    ratio : float
        The estimated standard deviation divided by the known one.
    freedom : float
        The degrees of freedom of the estimated standard deviation.
    bound : float
        The bound on the true ratio.
    """
    return float(special.chdtr(freedom, freedom * (ratio / bound) ** 2))


def holm(p: Array) -> Array:
    """Adjust p-values for the number of tests, so that the probability of any false rejection stays below the level.

    Parameters
    ----------
    p : (tests,)
        The p-values. NaN means that a test was not made; it stays NaN and does not count.

    Returns
    -------
    (tests,)
        The adjusted p-values. A hypothesis is rejected if its adjusted p-value is at most the level.

    References
    ----------
    Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).
    """
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]  # NaN is sorted to the end
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)))
    return adjusted
