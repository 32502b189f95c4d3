"""Spread over replicates: overall, by class and by sub-group."""

import numpy as np

from noisegrid.stats.parts import Parts

Array = np.ndarray


def spread(values: Array) -> Array:
    """Compute the standard deviation (ddof 1) over the first axis. It is exactly 0 where all replicates are equal.

    The values of the first replicate are subtracted first. Otherwise, rounding errors in the mean would give equal
    values a spread of about 1e-14.
    """
    deviation: Array = np.std(values - values[0], axis=0, ddof=1)
    return deviation


def pooled_spread(values: Array, groups: Array) -> Array:
    """Compute the standard deviation of replicates around the mean of their group, pooled over all groups.

    Parameters
    ----------
    values : (replicates, ...)
        The values.
    groups : (replicates,)
        Index of the group of each replicate. Groups with only one replicate are ignored.

    Returns
    -------
    (...)
        The pooled standard deviation. NaN if no group has at least two replicates.
    """
    kinds, counts = np.unique(groups, return_counts=True)
    freedom = int((counts - 1).sum())
    if freedom == 0:
        return np.full(values.shape[1:], np.nan)
    several = kinds[counts > 1]
    squares = sum(spread(values[groups == kind]) ** 2 * ((groups == kind).sum() - 1) for kind in several)
    pooled: Array = np.sqrt(squares / freedom)
    return pooled


def spread_ratio(spreads: Array, overall: Array) -> Array:
    """Divide the spreads of parts by the overall spread. The ratio is NaN where the overall spread is 0.

    Parameters
    ----------
    spreads : (..., parts)
        The spread in each part.
    overall : (...)
        The overall spread.
    """
    divisor = np.where(overall > 0, overall, np.nan)[..., None]
    ratio: Array = spreads / divisor
    return ratio


def rates(hits: Array, sizes: Array) -> Array:
    """Divide counts by the sizes of their parts. The result is NaN for a part without examples.

    Parameters
    ----------
    hits : int (..., parts)
        The counts.
    sizes : int (parts,)
        The number of examples in each part.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        quotient: Array = hits / sizes
    return quotient


class SubGroups:
    """Overlapping sub-groups of examples with a binary attribute.

    Examples that are in the same sub-groups and have the same value of the attribute are counted together.

    Parameters
    ----------
    positive : bool (examples,)
        The true value of the attribute.
    masks : bool (groups, examples)
        Whether each sub-group contains each example.

    Attributes
    ----------
    parts : Parts
        The division of the examples into sets that are counted together.
    """

    def __init__(self, positive: Array, masks: Array) -> None:
        features = np.vstack([positive, np.ones_like(positive), masks]).astype(bool)
        patterns, of = np.unique(features, axis=1, return_inverse=True)
        self.parts = Parts(of.ravel(), patterns.shape[1])
        is_positive, members = patterns[0], patterns[1:].astype(np.int64)
        # FPR = FP / negatives, FNR = FN / positives
        self.counted = [members, members * ~is_positive, members * is_positive]

    def spreads(self, hits: Array, seed_set: Array) -> Array:
        """Compute the spread of accuracy, false-positive rate and false-negative rate, overall and in each sub-group.

        Parameters
        ----------
        hits : int (replicates, draws, parts)
            The number of correct predictions in each part.
        seed_set : (replicates,)
            Index of the seed set of each replicate. The spread is computed within each seed set, then pooled.

        Returns
        -------
        (draws, 3, 1 + groups)
            The spreads as fractions. The second axis is for accuracy, false-positive rate and false-negative rate. The
            first value of the last axis is for all examples, and the others are for the sub-groups. A spread is NaN if
            its sub-group has no examples from which to compute the rate.
        """
        wrong, sizes = self.parts.sizes - hits, self.parts.sizes
        spreads = [pooled_spread(rates(wrong @ part.T, part @ sizes), seed_set) for part in self.counted]
        return np.stack(spreads, axis=1)
