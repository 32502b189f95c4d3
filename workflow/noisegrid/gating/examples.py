"""What the results of each test example show: how large the sample of examples is, churn, and differences by class."""

from dataclasses import dataclass

import numpy as np

from noisegrid.reading.runs import Examples
from noisegrid.stats.gain import gain_of_examples
from noisegrid.stats.hypotheses import holm, p_different
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
        The percentage of examples on which two runs disagree in their predicted class: two runs of the base side, two of
        the new side, and one of each. None without predictions.
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


def compare_examples(base: Examples, new: Examples, paired: bool, level: float) -> ExampleResults:
    """Compare the results of the same examples.

    Parameters
    ----------
    base, new : Examples
        Both sides, with the same examples in the same order.
    paired : bool
        Whether runs at the same place share their seed.
    level : float
        The confidence of the intervals.
    """
    scores = [side.scores.astype(np.int8) if side.scores.dtype == bool else side.scores for side in (base, new)]
    sampling = gain_of_examples(*scores, paired).scaled(new.scale).of_examples(level)
    count = scores[0].shape[1]
    if base.predicted is None or new.predicted is None:
        return ExampleResults(count, sampling)
    churn = [_percent(_within(side.predicted, level)) for side in (base, new)]
    between = _percent(_between(base.predicted, new.predicted, level))
    classes = _classes(base, scores, paired, level) if base.labels is not None else ()
    return ExampleResults(count, sampling, *churn, between, classes)


def _percent(estimate: Estimate) -> Estimate:
    return Estimate(*(100 * field for field in estimate[:4]), estimate.freedom)


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


def _classes(base: Examples, scores: list[Array], paired: bool, level: float) -> tuple[ClassDifference, ...]:
    """Compare both sides class by class."""
    labels = base.labels
    assert labels is not None
    found = []
    for index in np.unique(labels):
        members = np.flatnonzero(labels == index)
        if len(members) > 1:
            estimate = gain_of_examples(*(side[:, members] for side in scores), paired).scaled(100).estimate(level)
            name = base.classes[index] if base.classes else str(index)
            found.append((name, len(members), estimate))
    p = [p_different(estimate) if estimate.error > 0 else (1.0 if estimate.value == 0 else 0.0) for *_, estimate in found]
    adjusted = holm(np.array(p)) if found else []
    return tuple(ClassDifference(*each, float(of)) for each, of in zip(found, adjusted, strict=True))
