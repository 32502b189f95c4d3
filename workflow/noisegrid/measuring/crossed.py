"""Rows on crossed cells: the shares of each source and interaction in the variance between runs."""

import math
from collections.abc import Iterator

import numpy as np

from noisegrid import stats
from noisegrid.measuring.predictions import Predictions
from noisegrid.measuring.rows import Row, metric_row
from noisegrid.stats import Estimate
from noisegrid.study.seeds import levels

Array = np.ndarray
#: The outcomes of a crossed cell, with the name and unit of their spread: the square root of a variance, and a churn,
#: which is the variance of the predictions.
OUTCOMES = {"predictions": ("crossed_churn", "percent"), "accuracy": ("crossed_std", "percentage points")}


def component_rows(
    found: Predictions, numbers: Array, crossed: dict[str, int], rng: np.random.Generator
) -> Iterator[Row]:
    """Yield rows with the spread between runs that share no level, and with the shares of its sources.

    Each source and each interaction has a row with its own share, and each source one with the share that it has
    together with all its interactions. All values are NaN if a replicate is lost, because the design is then not
    balanced.

    Parameters
    ----------
    found : Predictions
        The predictions of a crossed cell.
    numbers : (replicates,)
        The number that identifies each replicate.
    crossed : dict
        The number of levels of each source.
    rng : numpy.random.Generator
        Source of the random numbers for the intervals.
    """
    sources = list(levels(crossed, 0))
    counts = tuple(crossed[source] for source in sources)
    runs, order = math.prod(counts), np.argsort(numbers)
    lost = runs - len(numbers)
    undefined = f"undefined: {lost} of the {runs} combinations of levels did not finish" if lost else ""
    distances = {
        "predictions": stats.churn_matrix(found.predicted[order]),
        "accuracy": stats.half_square_matrix(found.correct[order].mean(axis=1)),
    }
    for outcome, (spread, unit) in OUTCOMES.items():
        # without the lost replicates nothing is known, as if all runs were equal: each share is NaN
        result = stats.components(np.zeros((runs, runs)) if lost else distances[outcome], counts, rng)
        ends = np.array(result.variance[:3]) if not lost else np.full(3, np.nan)
        ends = 100 * (np.sqrt(ends) if outcome == "accuracy" else ends)
        yield metric_row(spread, unit, Estimate(*map(float, ends)), "generalised", note=undefined)
        for ending, shares in (("", result.own), ("_alone", result.alone)):
            for factors, share in shares.items():
                group = " × ".join(sources[factor] for factor in factors)
                percent = Estimate(*(100 * end for end in share[:3]))
                note = undefined or _note_of_share(percent, [counts[factor] for factor in factors])
                yield metric_row(f"component_{outcome}{ending}", "percent", percent, "generalised", group, note=note)


def _note_of_share(percent: Estimate, counts: list[int]) -> str:
    """Return what a reader must know about a share, given the numbers of levels of its sources."""
    if math.isnan(percent.value):
        return "undefined: all runs are equal"
    notes = ["negative estimate, shown as 0"] if percent.value < 0 else []
    notes += ["estimate above 100 %, shown as 100"] if percent.value > 100 else []
    if percent.low == percent.high:
        notes.append("all draws of the interval lie at this end of 0 to 100 %, so it has no width")
    elif counts == [2]:
        notes.append("two levels, so the interval is wide")
    return "; ".join(notes)
