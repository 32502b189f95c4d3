"""Shares of independent trials, such as how often a test errs."""

import numpy as np
from scipy import special

from noisegrid.stats.intervals import CONFIDENCE, Estimate


def share(count: int, trials: int) -> Estimate:
    """Estimate the probability of an event, given how often it occurred.

    Parameters
    ----------
    count : int
        How often the event occurred.
    trials : int
        The number of independent trials, at least one.

    Returns
    -------
    Estimate
        The share, with the exact 95 % interval. It contains the probability at least that often.

    References
    ----------
    Clopper & Pearson, The use of confidence or fiducial limits, Biometrika 26 (1934).
    """
    tail = (1 - CONFIDENCE) / 2
    low = special.betaincinv(count, trials - count + 1, tail) if count else 0.0
    high = special.betaincinv(count + 1, trials - count, 1 - tail) if count < trials else 1.0
    value = count / trials
    return Estimate(value, float(low), float(high), float(np.sqrt(value * (1 - value) / trials)))
