"""The tests that claims share: ratios of churns, equal means, spreads against their null, and ranks."""

import itertools
from collections.abc import Iterator

import numpy as np
import pandas as pd

from noisegrid import stats
from noisegrid.common.notes import join_notes
from noisegrid.reporting.verdicts import ALPHA, INSIDE_NULL, UNDEFINED, Verdict, decide
from noisegrid.stats import Estimate
from noisegrid.study.sources import seed_note

SAME_ORDER = 2.0  # two noise levels are "of the same order" if they differ by less than this factor
SAME_LEVEL = 1.25  # two noise levels, or a standard deviation and its null, count as equal within this factor
SAME_MEAN_POINTS = 0.5  # two mean accuracies count as equal if they differ by less than this (in percentage points)


def estimate_of(row: pd.Series) -> Estimate:
    """Return a row of metrics.csv as an estimate with its standard error."""
    return Estimate(row.value, row.low, row.high, row.error, row.freedom)


def fewest(rows: list[pd.Series]) -> int:
    """Return the smallest number of replicates of some rows."""
    return min(int(row.n_replicates) for row in rows)


def notes_of(rows: list[pd.Series], *more: str) -> str:
    """Return further notes and those of rows of metrics.csv, each followed by the cells that it is about."""
    cells: dict[str, list[str]] = {}
    for row in rows:
        for note in join_notes(row.note, seed_note(row.noise, row.seed_sets)).split("; "):
            cells.setdefault(note, []).append(f"{row.hardware}/{row.task}/{row.noise}")
    cells.pop("", None)
    notes = [f"{note} ({', '.join(where)})" if len(rows) > 1 else note for note, where in cells.items()]
    return join_notes(*more, *notes)


def undefined(context: str, reason: str, rows: list[pd.Series], effect: float = np.nan) -> Verdict:
    """Return the verdict on something that cannot be tested."""
    return Verdict("", context, UNDEFINED, effect, n=fewest(rows), note=notes_of(rows, reason))


def churn_ratio(first: pd.Series, second: pd.Series, confidence: float = stats.CONFIDENCE) -> Estimate:
    """Estimate the logarithm of the ratio of two churns, which are assumed to be independent."""
    return stats.log_ratio(estimate_of(first), estimate_of(second), confidence)


def on_ratio_scale(
    context: str, ratio: Estimate, p_for: float, p_against: float, rows: list[pd.Series], note: str = ""
) -> Verdict:
    """Return the verdict on a log ratio, with the ratio itself as the effect."""
    effect, low, high = (float(np.exp(value)) for value in ratio[:3])
    if np.isnan(p_for) or np.isnan(p_against):
        return undefined(context, _why_undefined(ratio), rows, effect)
    numbers = effect, low, high, fewest(rows)
    return Verdict(
        "", context, decide(p_for, p_against), *numbers, p_for=p_for, p_against=p_against, note=notes_of(rows, note)
    )


def _why_undefined(estimate: Estimate) -> str:
    """Return why an estimate cannot be tested."""
    if np.isnan(estimate.value):
        return "undefined: churn is 0 in both cells"
    if estimate.error == 0:
        return "undefined: the standard error is 0, so that nothing is known about other runs"
    return "undefined: metrics.csv has no standard error; measure again"


def same_mean(context: str, algo_impl: pd.Series, algo: pd.Series, impl: pd.Series) -> Verdict:
    """Test whether all means differ by less than SAME_MEAN_POINTS; the effect is the largest of the differences.

    The claim is about all seeds. Where `impl` has one seed set, its mean is known for the held seeds alone, and these
    are one draw. The spread of the runs of `algo`, which draw their seeds anew, is therefore added to its error.
    """
    rows = [algo_impl, algo, impl]
    means, note = [estimate_of(row) for row in rows], ""
    if impl.seed_sets == 1:
        run = means[1]._replace(value=0.0, error=means[1].error * float(np.sqrt(algo.freedom + 1)))
        means[2], note = (
            stats.difference(means[2], run),
            "other seeds may have another mean, so the spread of algo is added",
        )
    pairs = list(itertools.combinations(means, 2))
    differences = [stats.difference(*pair, confidence=1 - ALPHA / len(pairs)) for pair in pairs]
    largest = max(differences, key=lambda difference: abs(difference.value))
    unknown = [found for found in differences if not found.error > 0]
    if unknown:
        return undefined(context, _why_undefined(unknown[0]), rows, largest.value)
    p_for = max(stats.p_equivalent(found, SAME_MEAN_POINTS) for found in differences)
    p_against = min(1.0, len(pairs) * min(stats.p_different(found, SAME_MEAN_POINTS) for found in differences))
    numbers = largest.value, largest.low, largest.high, fewest(rows)
    return Verdict(
        "", context, decide(p_for, p_against), *numbers, p_for=p_for, p_against=p_against, note=notes_of(rows, note)
    )


def against_null(context: str, row: pd.Series, over_null: list[float]) -> Verdict:
    """Judge whether a standard deviation exceeds the independent-error null.

    Parameters
    ----------
    context : str
        The context of the verdict.
    row : pandas.Series
        The row of the tested value, with its null and its p-value.
    over_null : list of float
        The standard deviations that the claim is about, each divided by the median of its own null. If all of them are
        shown to be below SAME_LEVEL, the claim is not reproduced. NaN where a class has no null.
    """
    known = [value for value in over_null if not np.isnan(value)]
    if np.isnan([row.value, row.null_low, row.null_high, row.p]).any():
        return undefined(context, row.note or f"undefined: metrics.csv has no null of {row.metric}", [row], row.value)
    freedom = row.n_replicates - row.seed_sets
    p_against = max((stats.p_spread_below(value, freedom, SAME_LEVEL) for value in known), default=np.nan)
    numbers = row.value, row.null_low, row.null_high, int(row.n_replicates)
    verdict = decide(row.p, p_against, undecided=INSIDE_NULL)
    return Verdict("", context, verdict, *numbers, p_for=row.p, p_against=p_against, note=notes_of([row]))


def rises(context: str, churn: list[pd.Series], sizes: list[float]) -> Verdict:
    """Judge by Kendall's tau whether churn rises with the number of multiprocessors of the device."""
    found = stats.kendall(np.array(sizes), np.array([row.value for row in churn]))
    if np.isnan(found.tau):
        return undefined(context, "undefined: churn, or the number of multiprocessors, is equal everywhere", churn)
    note = ""
    if found.smallest > ALPHA:
        note = f"p cannot be below {found.smallest:.2g} with these devices; five of different size can decide"
    verdict, n = decide(found.p_rising, found.p_falling), fewest(churn)
    p_for, p_against = found.p_rising, found.p_falling
    return Verdict("", context, verdict, found.tau, n=n, p_for=p_for, p_against=p_against, note=notes_of(churn, note))


def extremes(context: str, rows: list[pd.Series]) -> Iterator[Verdict]:
    """Judge whether the churn of several cells differs, by the ratio of the largest to the smallest.

    The ratio itself is never below 1, because the two cells are chosen by size. The p-value of a difference, and the
    interval, therefore have Bonferroni's correction for all pairs of cells. The cells count as equal if every pair is
    shown to be equal within the factor SAME_LEVEL, which needs no correction.
    """
    if len(rows) < 2:
        return
    ordered = sorted(rows, key=lambda row: float(row.value))
    pairs = list(itertools.combinations(ordered, 2))
    largest = churn_ratio(ordered[-1], ordered[0], 1 - ALPHA / len(pairs))
    p_for = min(1.0, len(pairs) * stats.p_different(largest))
    p_against = max(stats.p_equivalent(churn_ratio(*pair), float(np.log(SAME_LEVEL))) for pair in pairs)
    yield on_ratio_scale(context, largest, p_for, p_against, rows)
