"""Ratios of step times, from blocks of steps that several processes timed."""

from collections.abc import Sequence

import numpy as np
from scipy import special

from noisegrid.stats.intervals import CONFIDENCE, Array, Estimate, mean, median, student_interval


def block_ratios(values: Sequence[float], reference: Sequence[float]) -> Array:
    """Return the ratios between neighbouring blocks of two arms, shape (blocks,).

    Each block of one arm is paired with the block of the other arm that has the same index, because the two were timed
    shortly after each other.

    Parameters
    ----------
    values, reference : (blocks,)
        Step times of the two arms in one process, in the order of the blocks. If one arm has more blocks, the
        additional blocks are ignored.
    """
    count = min(len(values), len(reference))  # an interrupted run can have one block more for one arm
    return np.asarray(values[:count], dtype=float) / np.asarray(reference[:count], dtype=float)


def ratio_over_processes(ratios: Sequence[Array]) -> Estimate:
    """Estimate the ratio between the step times of two arms, with an interval over processes.

    Blocks of one process are not independent: they share the layout of memory and whatever else a process keeps, and
    neighbouring blocks share the clock and the neighbours of the machine. Each process therefore gives one number, the
    median over its blocks. The estimate is the geometric mean of these numbers, with Student's t interval on their
    logarithms. It assumes that the processes are independent, and that the logarithms are about normally distributed.
    The number of blocks in a process does not enter the degrees of freedom.

    If there is only one process, the interval lies between two order statistics of its blocks. It assumes independent
    blocks and says nothing about other processes.

    Parameters
    ----------
    ratios : sequence of (blocks,)
        For each process, the ratios between neighbouring blocks.

    Returns
    -------
    Estimate
        The ratio with its 95 % interval. `error` and `freedom` are NaN, because the interval is not symmetric.

    References
    ----------
    Kalibera and Jones, Rigorous benchmarking in reasonable time, ISMM 2013.
    """
    if len(ratios) == 1:
        return median_interval(ratios[0])
    value, low, high = np.exp(mean(log_ratios(ratios))[:3])
    return Estimate(float(value), float(low), float(high))


def log_ratios(ratios: Sequence[Array]) -> Array:
    """Return the logarithm of the median ratio of each process, shape (processes,)."""
    return np.log([median(blocks) for blocks in ratios])


def simultaneous(estimates: Sequence[Estimate], comparisons: int) -> list[Estimate]:
    """Widen Student's t intervals by Bonferroni's correction, so that all hold at once with 95 % confidence.

    Parameters
    ----------
    estimates : sequence of Estimate
        The estimates, with standard errors and degrees of freedom.
    comparisons : int
        The number of comparisons from which the estimates were chosen.
    """
    confidence = 1 - (1 - CONFIDENCE) / comparisons
    return [_interval(estimate, confidence) for estimate in estimates]


def _interval(estimate: Estimate, confidence: float) -> Estimate:
    if estimate.error == 0:  # the degrees of freedom may be undefined, but the interval has no width
        return Estimate(estimate.value, estimate.value, estimate.value, 0.0)
    return student_interval(estimate.value, estimate.error, estimate.freedom, confidence)


def p_value(estimate: Estimate, bound: float) -> float:
    """Return the two-sided p-value of Student's t test of whether an estimate differs from a bound."""
    distance = abs(estimate.value - bound)
    if estimate.error == 0:
        return 0.0 if distance > 0 else 1.0
    return float(2 * special.stdtr(estimate.freedom, -distance / estimate.error))


def median_interval(values: Array | Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """Estimate the median of independent values, with an interval whose ends are two of the values.

    The interval assumes independent values, but no shape of their distribution. The probability that it contains the
    true median is then at least `confidence`. If there are too few values for this probability (at 95 %, fewer than
    six), both ends are NaN.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    n = len(ordered)
    # the largest k with P(at most k - 1 of n values below the median) <= (1 - confidence) / 2
    tails = special.bdtr(np.arange(n), n, 0.5)
    k = int((tails <= (1 - confidence) / 2).sum())
    low, high = (ordered[k - 1], ordered[n - k]) if k else (np.nan, np.nan)
    return Estimate(median(ordered), float(low), float(high))
