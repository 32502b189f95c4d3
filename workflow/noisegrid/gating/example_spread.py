"""What the results of each test example show about the spread between runs: its two parts, churn, and classes."""

from dataclasses import dataclass

import numpy as np

from noisegrid.reading.runs import Examples
from noisegrid.stats.intervals import Estimate, std_interval
from noisegrid.stats.null import compare_with_null, discoveries, independent_error_draws
from noisegrid.stats.pairs import churn_matrix, pair_mean
from noisegrid.stats.parts import Parts
from noisegrid.stats.spreads import rates, spread
from noisegrid.stats.test_set import sampling_error, split_by_test_set

Array = np.ndarray
#: Number of values that can be permuted in about a second, and the smallest and largest number of draws of the null.
WORK, LEAST, MOST = 40_000_000, 200, 1000


@dataclass(frozen=True)
class ClassSpread:
    """The spread of the accuracy on one class.

    Attributes
    ----------
    name : str
        The class.
    examples : int
        The number of its examples.
    std : Estimate
        The standard deviation of the accuracy between runs, in percentage points.
    null_median, null_high : float
        The median of the standard deviation, and the upper end of its 95 % range, that would be expected if errors on
        different examples were independent.
    p : float
        The probability that independent errors lead to a standard deviation at least as large.
    above : bool
        Whether the class is above its null, at a false discovery rate of 5 % over all classes.
    """

    name: str
    examples: int
    std: Estimate
    null_median: float
    null_high: float
    p: float
    above: bool


@dataclass(frozen=True)
class ExampleSpread:
    """What the results of each example show about the spread between runs.

    Attributes
    ----------
    count : int
        The number of examples.
    std : Estimate
        The standard deviation between runs that would remain on an infinite test set, in the unit of the metric.
    share : Estimate
        The share of the variance that would vanish on an infinite test set. NaN if there is no variance.
    sampling : float
        The half-width of the 95 % interval that the sampling of these examples adds to the mean of the runs, in the
        unit of the metric.
    churn : Estimate or None
        The percentage of examples on which two runs disagree in their predicted class. None without predictions.
    classes : tuple of ClassSpread
        The spread of each class on which the runs differ. Empty without labels.
    """

    count: int
    std: Estimate
    share: Estimate
    sampling: float
    churn: Estimate | None = None
    classes: tuple[ClassSpread, ...] = ()


def disagreement(examples: Examples) -> Array | None:
    """Return the share of examples on which each two runs differ; None if scores are neither right nor wrong."""
    if examples.predicted is not None:
        return churn_matrix(examples.predicted)
    return churn_matrix(examples.scores) if examples.scores.dtype == bool else None


def spread_of_examples(examples: Examples, differing: Array | None) -> ExampleSpread:
    """Return what the results of each example show.

    Parameters
    ----------
    examples : Examples
        The results.
    differing : (runs, runs) or None
        Their disagreement.
    """
    split = split_by_test_set(examples.scores)
    return ExampleSpread(
        examples.scores.shape[1],
        split.std.scaled(examples.scale),
        split.share,
        examples.scale * sampling_error(examples.scores),
        None if examples.predicted is None or differing is None else pair_mean(differing).scaled(100),
        _classes(examples) if examples.labels is not None and examples.scores.dtype == bool else (),
    )


def _classes(examples: Examples) -> tuple[ClassSpread, ...]:
    """Compare the spread of each class on which the runs differ with what independent errors would lead to."""
    correct, labels = examples.scores, np.asarray(examples.labels)
    changing = correct.any(axis=0) & ~correct.all(axis=0)
    indices, of = np.unique(labels, return_inverse=True)
    changed = np.unique(of[changing])
    if not len(changed):
        return ()
    parts = Parts(of, len(indices))

    def spreads(hits: Array) -> Array:
        """Return the standard deviations (draws, classes) in percentage points, given (runs, draws, classes)."""
        return 100 * spread(rates(hits, parts.sizes))[:, changed]

    draws = int(np.clip(WORK // (len(correct) * np.count_nonzero(changing)), LEAST, MOST))
    values = spreads(parts.hits(correct)[:, None])[0]
    drawn = independent_error_draws(correct, parts, spreads, np.random.default_rng(0), draws)
    null = compare_with_null(values, drawn)
    medians = np.where(null.median > 0, null.median, np.nan)
    above = discoveries(values / medians, drawn / medians)
    return tuple(
        ClassSpread(
            name=examples.classes[indices[place]] if examples.classes else str(indices[place]),
            examples=int(parts.sizes[place]),
            std=std_interval(float(values[index]), len(correct) - 1),
            null_median=float(null.median[index]),
            null_high=float(null.high[index]),
            p=float(null.p[index]),
            above=bool(above[index]),
        )
        for index, place in enumerate(changed)
    )
