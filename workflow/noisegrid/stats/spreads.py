"""Spread over replicates: overall, by class and by sub-group."""

import numpy as np

Array = np.ndarray


def spread(values: Array) -> Array:
    """Standard deviation (ddof 1) over the first axis, exactly 0 where all replicates are equal.

    Taken from the first replicate's values, since the rounding of a mean would turn equal values into 1e-14.
    """
    deviation: Array = np.std(values - values[0], axis=0, ddof=1)
    return deviation


def pooled_spread(values: Array, groups: Array) -> Array:
    """`spread` around each group's own mean: values (replicates, ...), groups (replicates,) of group numbers.

    A group of one says nothing; NaN where there is no other.
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
    """Per-class over overall standard deviation; NaN where the overall one is 0."""
    return class_std / overall_std if overall_std > 0 else np.full_like(class_std, np.nan)


def class_accuracies(correct: Array, labels: Array, classes: int) -> Array:
    """Accuracy of each replicate on each class: (replicates, classes). A class without examples is NaN."""
    order = np.argsort(labels, kind="stable")
    present, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    accuracies = np.full((len(correct), classes), np.nan)
    accuracies[:, present] = np.add.reduceat(correct[:, order], starts, axis=1, dtype=np.int64) / counts
    return accuracies


def group_spreads(correct: Array, positive: Array, masks: Array, seed_set: Array) -> Array:
    """Spread over replicates of accuracy, false-positive and false-negative rate, overall and in each group.

    correct: (replicates, examples) for one yes-or-no attribute; positive: (examples,) its truth; masks: (groups,
    examples). Returns (3, 1 + groups) in fractions, overall first; NaN where a group has no such examples.
    """
    wrong = (~correct).astype(np.float64)
    members = np.concatenate([np.ones((1, masks.shape[1]), bool), masks]).astype(np.float64)
    parts = [members, members * ~positive, members * positive]  # FPR = FP / negatives, FNR = FN / positives
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([pooled_spread(wrong @ part.T / part.sum(axis=1), seed_set) for part in parts])
