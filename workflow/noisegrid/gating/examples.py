"""What the results of each test example show: how large the sample of examples is, churn, and differences by class."""

from dataclasses import dataclass

import numpy as np

from noisegrid.reading.runs import Examples
from noisegrid.stats.gain import gain_of_examples
from noisegrid.stats.hypotheses import holm
from noisegrid.stats.intervals import Estimate, student_interval
from noisegrid.stats.pairs import churn_matrix, pair_mean

Array = np.ndarray


@dataclass(frozen=True)
class ClassDifference:
    """The difference of one class: its name, number of examples, difference in percentage points and p by Holm."""

    name: str
    examples: int
    difference: Estimate
    p_adjusted: float


@dataclass(frozen=True)
class ExampleResults:
    """What the results of each example show.

    Attributes
    ----------
    count : int
        The number of examples.
    sampling : float
        The half-width that the sampling of these examples adds to the difference, in the unit of the metric: what
        would remain with infinitely many runs.
    churn_base, churn_new, churn_between : Estimate or None
        The percentage of examples on which two runs disagree in their predicted class: two runs of the base side, two
        of the new side, and one of each. None without predictions.
    classes : tuple of ClassDifference
        The difference of each class that has at least two examples. Empty without labels.
    """

    count: int
    sampling: float
    churn_base: Estimate | None = None
    churn_new: Estimate | None = None
    churn_between: Estimate | None = None
    classes: tuple[ClassDifference, ...] = ()

    def changed(self, level: float) -> tuple[ClassDifference, ...]:
        """Return the classes that differ at the given confidence, corrected for the number of classes."""
        return tuple(each for each in self.classes if each.p_adjusted <= 1 - level)


def compare_examples(base: Examples, new: Examples, paired: bool, level: float, sampling: float) -> ExampleResults:
    """Compare the results of the same examples.

    Parameters
    ----------
    base, new : Examples
        Both sides, with the same examples in the same order.
    paired : bool
        Whether runs at the same place share their seed.
    level : float
        The confidence of the intervals.
    sampling : float
        The half-width that the sampling of the examples adds to the difference.
    """
    count = base.scores.shape[1]
    if base.predicted is None or new.predicted is None:
        return ExampleResults(count, sampling)
    return ExampleResults(
        count,
        sampling,
        churn_base=_within(base.predicted, level).scaled(100),
        churn_new=_within(new.predicted, level).scaled(100),
        churn_between=_between(base.predicted, new.predicted, level).scaled(100),
        classes=_classes(base, new, paired, level),
    )


def _within(predicted: Array, level: float) -> Estimate:
    """Estimate the share of examples on which two runs of a side disagree."""
    found = pair_mean(churn_matrix(predicted))
    found = student_interval(found.value, found.error, found.freedom, level)
    return found._replace(low=max(0.0, found.low), high=min(1.0, found.high))


def _between(first: Array, second: Array, level: float) -> Estimate:
    """Estimate the share of examples on which a run of each side disagree, by the jackknife over runs of both sides."""
    matrix = np.array([[float((one != other).mean()) for other in second] for one in first])
    squares = 0.0
    for axis in (0, 1):
        runs = matrix.shape[axis]
        means = matrix.mean(axis=1 - axis)
        without = (means.sum() - means) / (runs - 1)
        squares += (runs - 1) / runs * float(((without - without.mean()) ** 2).sum())
    found = student_interval(float(matrix.mean()), squares**0.5, min(matrix.shape) - 1, level)
    return found._replace(low=max(0.0, found.low), high=min(1.0, found.high))


def _classes(base: Examples, new: Examples, paired: bool, level: float) -> tuple[ClassDifference, ...]:
    """Compare both sides class by class, where the scores say whether a prediction is correct."""
    if base.labels is None or not base.scores.dtype == new.scores.dtype == bool:
        return ()
    first, second = base.numbers, new.numbers
    names, counts, found = [], [], []
    for index in np.unique(base.labels):
        members = np.flatnonzero(base.labels == index)
        if len(members) > 1:
            names.append(base.classes[index] if base.classes else str(index))
            counts.append(len(members))
            found.append(gain_of_examples(first[:, members], second[:, members], paired, base.span).scaled(100))
    adjusted = holm(np.array([each.p_value() for each in found]))
    return tuple(
        ClassDifference(name, count, each.estimate(level), float(p))
        for name, count, each, p in zip(names, counts, found, adjusted, strict=True)
    )
