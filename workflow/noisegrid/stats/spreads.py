"""Spread over replicates: overall, by class and by sub-group."""

import numpy as np

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


def spread_ratio(class_std: Array, overall_std: float) -> Array:
    """Divide per-class standard deviations by the overall standard deviation; return NaN if the overall one is 0."""
    return class_std / overall_std if overall_std > 0 else np.full_like(class_std, np.nan)


def class_accuracies(correct: Array, labels: Array, classes: int) -> Array:
    """Compute the accuracy of each replicate on each class.

    Parameters
    ----------
    correct : bool (replicates, examples)
        Whether each prediction is correct.
    labels : (examples,)
        The true classes.
    classes : int
        Number of classes.

    Returns
    -------
    (replicates, classes)
        The accuracies as fractions. NaN for a class without examples.
    """
    order = np.argsort(labels, kind="stable")
    present, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    accuracies = np.full((len(correct), classes), np.nan)
    accuracies[:, present] = np.add.reduceat(correct[:, order], starts, axis=1, dtype=np.int64) / counts
    return accuracies


def group_spreads(correct: Array, positive: Array, masks: Array, seed_set: Array) -> Array:
    """Compute the spread of accuracy, false-positive rate and false-negative rate, overall and in each sub-group.

    Parameters
    ----------
    correct : bool (replicates, examples)
        Whether each prediction of a binary attribute is correct.
    positive : bool (examples,)
        The true value of the attribute.
    masks : bool (groups, examples)
        Whether each sub-group contains each example.
    seed_set : (replicates,)
        Index of the seed set of each replicate. The spread is computed within each seed set, then pooled.

    Returns
    -------
    (3, 1 + groups)
        The spreads as fractions. The rows are accuracy, false-positive rate and false-negative rate. The first column
        is for all examples, and the other columns are for the sub-groups. A spread is NaN if its sub-group has no
        examples from which to compute the rate.
    """
    wrong = (~correct).astype(np.float64)
    members = np.concatenate([np.ones((1, masks.shape[1]), bool), masks]).astype(np.float64)
    parts = [members, members * ~positive, members * positive]  # FPR = FP / negatives, FNR = FN / positives
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([pooled_spread(wrong @ part.T / part.sum(axis=1), seed_set) for part in parts])
