"""Spread over replicates: overall, by class and by sub-group."""

import numpy as np

Array = np.ndarray


def spread(values: Array) -> Array:
    """Compute the standard deviation (ddof 1) over the first axis: exactly 0 where all replicates are equal.

    The values of the first replicate are subtracted first. Otherwise, rounding of the mean would turn the spread of
    equal values into about 1e-14.
    """
    deviation: Array = np.std(values - values[0], axis=0, ddof=1)
    return deviation


def pooled_spread(values: Array, groups: Array) -> Array:
    """Compute the pooled standard deviation of replicates around the means of their groups.

    Parameters
    ----------
    values : (replicates, ...)
        The values.
    groups : (replicates,)
        Number of the group of each replicate. A group of one replicate is ignored.

    Returns
    -------
    (...)
        NaN if no group has two replicates.
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
    """Divide per-class standard deviations by the overall one. Return NaN if the overall one is 0."""
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
        Fractions; NaN for a class without examples.
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
        Whether each prediction of one binary attribute is correct.
    positive : bool (examples,)
        The true value of the attribute.
    masks : bool (groups, examples)
        Membership of each example in each sub-group.
    seed_set : (replicates,)
        Number of the seed set of each replicate. The spread is pooled within seed sets.

    Returns
    -------
    (3, 1 + groups)
        Fractions: accuracy, false-positive rate, false-negative rate; overall first. NaN where a sub-group has no
        examples of the kind.
    """
    wrong = (~correct).astype(np.float64)
    members = np.concatenate([np.ones((1, masks.shape[1]), bool), masks]).astype(np.float64)
    parts = [members, members * ~positive, members * positive]  # FPR = FP / negatives, FNR = FN / positives
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([pooled_spread(wrong @ part.T / part.sum(axis=1), seed_set) for part in parts])
