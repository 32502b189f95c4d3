"""The spread of accuracy that is about these test examples, and what would remain on an infinite test set."""

import math
from typing import NamedTuple

import numpy as np
from scipy import special

from noisegrid.stats.intervals import CONFIDENCE, Estimate
from noisegrid.stats.spreads import pooled_spread

Array = np.ndarray


class SpreadSplit(NamedTuple):
    """The variance of accuracy between runs, divided into a part of the distribution and a part of the test set.

    Attributes
    ----------
    std : Estimate
        The standard deviation of the runs' accuracies on the whole distribution: what would remain on an infinite test
        set. It is 0 if `variance` is negative.
    share : Estimate
        The share of the variance on this test set that would vanish on an infinite one. It is above 1 if `variance` is
        negative, and NaN if all runs have the same accuracy.
    variance : float
        The unbiased estimate of the variance on the distribution, in the squared unit of `std`. It may be negative.
    """

    std: Estimate
    share: Estimate
    variance: float


def split_by_test_set(correct: Array, sets: Array | None = None, confidence: float = CONFIDENCE) -> SpreadSplit:
    r"""Divide the variance of accuracy between runs into a part of the distribution and a part of the test set.

    Let c(r, i) say whether run r classifies test example i correctly. The images are N independent draws from a
    distribution, and run r has the accuracy A(r) on this distribution. For two different images, the expected
    covariance over runs of c(r, i) and c(r, j) is D = Var A(r), because the draws are independent. For a single image,
    the covariance is the variance v(i). The variance of the accuracy on the test set is the mean over all N * N pairs,
    so its expected value is (1 - 1/N) D + E v / N. Solved for D, this gives the unbiased estimate

        D = (variance of accuracy over runs - mean of v(i) / N) / (1 - 1/N),

    where both variances are the unbiased ones (ddof 1). Where there are several seed sets, both are computed within
    each set and pooled.

    The interval comes from the chi-square interval of the variance of accuracy, with one degree of freedom less than
    there are runs or, with several seed sets, sets. It takes mean v(i), an average over all images, as known. It
    therefore assumes near-normal accuracies, and it does not include that D itself varies between test sets of N
    images: by about 2 sqrt((1 - q) / (q N)) of its value if the runs share their errors on a fraction q of the images.

    Parameters
    ----------
    correct : (runs, images)
        Whether each prediction is correct, as a boolean or, for several predictions per image, the share of them that
        is correct.
    sets : (runs,), optional
        Index of the seed set of each run.
    confidence : float
        Confidence of both intervals.

    Returns
    -------
    SpreadSplit
        Fractions. All values are NaN if there are fewer than two images, or if no seed set has two runs.

    References
    ----------
    Jordan, On the variance of neural network training with respect to test sets and distributions, ICLR 2024 (section
    on distribution-wise variance). The formula and its derivation above are those of an estimate that is unbiased over
    runs and over test sets.
    """
    runs, images = correct.shape
    sets = np.zeros(runs, int) if sets is None else sets
    kinds = np.unique(sets)
    nothing = Estimate(np.nan, np.nan, np.nan)
    if images < 2 or runs == len(kinds):
        return SpreadSplit(nothing, nothing, np.nan)
    total = float(pooled_spread(correct.mean(axis=1), sets)) ** 2
    by_sampling = _mean_variance(correct, sets) / images
    freedom = (runs if len(kinds) == 1 else len(kinds)) - 1

    def variance(of_accuracy: float) -> float:
        return (of_accuracy - by_sampling) / (1 - 1 / images)

    def share(of_accuracy: float) -> float:
        return 1 - variance(of_accuracy) / of_accuracy if of_accuracy > 0 else np.nan

    tails = special.chdtri(freedom, [(1 - confidence) / 2, (1 + confidence) / 2])
    least, most = (total * freedom / tail for tail in tails)
    value, low, high = (math.sqrt(max(0.0, variance(of))) for of in (total, least, most))
    std = Estimate(value, low, high, freedom=freedom)
    ends = [float(np.clip(share(of), 0, 1)) for of in (most, least)]  # NaN stays NaN
    return SpreadSplit(std, Estimate(share(total), *ends), variance(total))


def _mean_variance(correct: Array, sets: Array) -> float:
    """Return the mean over images of the unbiased variance over runs, pooled over seed sets, without large copies."""
    squares = 0.0
    kinds = np.unique(sets)
    for kind in kinds:
        values = correct[sets == kind]
        sums = values.sum(axis=0, dtype=float)
        squares += float(np.einsum("ri,ri->", values, values, dtype=float) - sums @ sums / len(values))
    return max(0.0, squares) / (correct.shape[0] - len(kinds)) / correct.shape[1]


def sampling_error(correct: Array, other: Array | None = None) -> float:
    """Return the half-width of the 95 % interval that sampling the test examples adds to the mean accuracy of the runs.

    Parameters
    ----------
    correct : (runs, images)
        Whether each prediction is correct, or the share of an image's predictions that is.
    other : (runs, images), optional
        The same for the runs of another method on the same images. If it is given, the half-width is that of the
        difference between the mean accuracies. An image that is easy for both methods then does not count twice.

    Returns
    -------
    float
        A fraction: 1.96 times the standard deviation over images, divided by the square root of their number. NaN if
        there are fewer than two images.
    """
    values = correct.mean(axis=0) - (0 if other is None else other.mean(axis=0))
    if len(values) < 2:
        return np.nan
    return float(special.ndtri((1 + CONFIDENCE) / 2) * values.std(ddof=1) / np.sqrt(len(values)))
