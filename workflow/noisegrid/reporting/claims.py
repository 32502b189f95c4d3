"""Test the paper's claims on the metrics of a study. Each verdict has an effect, its interval and the sample size n.

A verdict covers one context, usually a task on one kind of hardware, because a claim may hold in some contexts and not
in others. The possible verdicts are:

    reproduced         what the claim says is a fact here (C1, C9, C11), or is shown by a test at 5 %
    not reproduced     the opposite is shown by a test at 5 %: an effect in the other direction, or one that is smaller
                       than the claim's margin
    inside the null    independent errors on the same test examples would explain the effect (C4, C5)
    not decided        neither is shown, or there are fewer than five replicates (C1, C9 and C11 are facts: one pair of
                       replicates with unequal weights is proof)
    undefined          the effect or its null cannot be computed; the note says why
    not measured here  the study has no cells to test the claim on, or the paper has no number to compare with

The tests of C1 to C11 use metrics.csv; the tests of C12 to C16 use overhead.csv and are in `claims_overhead`.
workflow/catalog/claims.yaml and docs/claims.md describe all tests.
"""

import itertools
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from noisegrid import stats
from noisegrid.common.notes import join_notes
from noisegrid.common.schemas import catalog
from noisegrid.reporting import claims_overhead
from noisegrid.reporting.metrics_frame import batch_norm_counterparts
from noisegrid.reporting.verdicts import (
    ALPHA,
    INSIDE_NULL,
    NOT_MEASURED,
    NOT_REPRODUCED,
    REPRODUCED,
    UNDEFINED,
    Verdict,
    adjust,
    decide,
    not_from_few,
)
from noisegrid.runtime.hardware import is_mixed_precision
from noisegrid.stats import Estimate
from noisegrid.study.sources import seed_note

SAME_ORDER = 2.0  # two noise levels are "of the same order" if they differ by less than this factor
SAME_LEVEL = 1.25  # two noise levels, or a standard deviation and its null, count as equal within this factor
SAME_MEAN_POINTS = 0.5  # two mean accuracies count as equal if they differ by less than this (in percentage points)


class Measured:
    """The metrics of a study, to be looked up by metric and cell. Comparisons across hardware are left out."""

    def __init__(self, frame: pd.DataFrame) -> None:
        frame = frame[~frame["metric"].str.endswith("_across_hardware")]
        frame = frame.assign(seed_sets=frame["seed_sets"].fillna(1), note=frame["note"].fillna(""))
        self.frame = frame
        self.contexts = list(dict.fromkeys(zip(frame["hardware"], frame["task"], strict=True)))
        self.tasks = list(dict.fromkeys(frame["task"]))
        self.hardware = list(dict.fromkeys(frame["hardware"]))
        cells = frame[frame["group"] == "all"]
        self._rows = {(r.hardware, r.task, r.noise, r.metric): r for r in cells.itertuples()}

    def get(self, hardware: str, task: str, noise: str, metric: str) -> pd.Series | None:
        """Return the row of a metric for a cell, or None if the metric was not measured there."""
        return self._rows.get((hardware, task, noise, metric))

    def groups(self, hardware: str, task: str, noise: str, metric: str) -> pd.DataFrame:
        """Return the rows of a metric for the classes, sub-groups or replicates of a cell."""
        frame = self.frame
        here = (frame["hardware"] == hardware) & (frame["task"] == task) & (frame["noise"] == noise)
        return frame[here & (frame["metric"] == metric) & (frame["group"] != "all")]


def judge(
    frame: pd.DataFrame, overhead: pd.DataFrame | None = None, claims: Collection[str] | None = None
) -> list[Verdict]:
    """Judge every claim in every context (usually a task on one kind of hardware) in which it was measured.

    Parameters
    ----------
    frame : pandas.DataFrame
        The contents of metrics.csv.
    overhead : pandas.DataFrame, optional
        The contents of overhead.csv, if the study times networks. C12 to C16 cannot be tested without it.
    claims : collection of str, optional
        Labels of the claims to judge. By default, all.

    Returns
    -------
    list of Verdict
        The verdicts, in the order of the claims. Every claim has at least one verdict, which is `not measured here` if
        the study cannot test the claim in any context.
    """
    measured, verdicts = Measured(frame), list[Verdict]()
    for claim in catalog("claims") if claims is None else claims:
        found = list(TESTS[claim](measured)) if claim in TESTS else []
        if overhead is not None and claim in claims_overhead.TESTS:
            found = list(claims_overhead.TESTS[claim](overhead))
        found = adjust([not_from_few(verdict) for verdict in found] or [Verdict(claim, "", NOT_MEASURED)])
        verdicts += [replace(verdict, claim=claim) for verdict in found]
    return verdicts


def claim_1(measured: Measured) -> Iterator[Verdict]:
    """Judge, for each task on each kind of hardware, whether changing only the implementation changes the weights."""
    for hardware, task in measured.contexts:
        if measured.get(hardware, task, "impl", "churn") is not None:
            yield _moves_weights(measured, hardware, task, "impl")


def claim_2(measured: Measured) -> Iterator[Verdict]:
    """Judge whether implementation noise and algorithmic noise cause churn of the same order.

    Each task on each kind of hardware gets its own verdict.
    """
    for hardware, task in measured.contexts:
        impl, algo = (measured.get(hardware, task, noise, "churn") for noise in ("impl", "algo"))
        if impl is not None and algo is not None:
            ratio, margin = _churn_ratio(impl, algo), float(np.log(SAME_ORDER))
            p = stats.p_equivalent(ratio, margin), stats.p_different(ratio, margin)
            yield _on_ratio_scale(f"{task} on {hardware}", ratio, *p, [impl, algo])


def claim_3(measured: Measured) -> Iterator[Verdict]:
    """Judge whether the mean accuracy is the same under the noises `algo_impl`, `algo` and `impl`.

    Each task on each kind of hardware gets its own verdict.
    """
    for hardware, task in measured.contexts:
        names = ("algo_impl", "algo", "impl")
        rows = [measured.get(hardware, task, noise, "accuracy_mean") for noise in names]
        present = [row for row in rows if row is not None]
        if len(present) == len(names):
            yield _same_mean(f"{task} on {hardware}", *present)


def claim_4(measured: Measured) -> Iterator[Verdict]:
    """Judge, for each task on each kind of hardware, whether the accuracy of some class varies beyond the null.

    The tested value is the largest standard deviation of a class, divided by the median of its own null. Its p-value is
    that of the largest of all classes.
    """
    for hardware, task in measured.contexts:
        row = measured.get(hardware, task, "algo_impl", "class_std_over_null_max")
        if row is not None:
            classes = measured.groups(hardware, task, "algo_impl", "class_std_over_null")["value"]
            yield _against_null(f"{task} on {hardware}, algo_impl", row, [float(value) for value in classes])


def claim_5(measured: Measured) -> Iterator[Verdict]:
    """Judge whether the false-negative rate of the smallest sub-group varies beyond the null.

    The smallest sub-group is the one with the fewest positives. The null is that errors on different examples are
    independent. Each task on each kind of hardware gets its own verdict.
    """
    for hardware, task in measured.contexts:
        counts = measured.groups(hardware, task, "algo_impl", "group_positives").set_index("group")["value"]
        if counts.empty:
            continue
        smallest = counts.idxmin()
        rows = measured.groups(hardware, task, "algo_impl", "group_fnr_std")
        context = f"{smallest} (fewest positives) in {task} on {hardware}, algo_impl"
        for row in rows[rows["group"] == smallest].itertuples():
            yield _against_null(context, row, [row.value / row.null_median] if row.null_median > 0 else [])


def claim_6(measured: Measured) -> Iterator[Verdict]:
    """Judge, for each network that was measured with and without batch norm, whether batch norm reduces churn."""
    for hardware, task, plain in batch_norm_counterparts(measured.frame):
        with_norm, without = (measured.get(hardware, name, "algo_impl", "churn") for name in (task, plain))
        if with_norm is not None and without is not None:
            ratio = _churn_ratio(with_norm, without)
            p_for = stats.p_different(ratio) if ratio.value < 0 else 1.0
            p_against = stats.p_above(ratio, -float(np.log(SAME_LEVEL)))
            context = f"{task} against {plain} on {hardware}"
            yield _on_ratio_scale(context, ratio, p_for, p_against, [with_norm, without])


def claim_7(measured: Measured) -> Iterator[Verdict]:
    """Judge, on each kind of hardware, whether churn differs between tasks."""
    for hardware in measured.hardware:
        rows = [measured.get(hardware, task, "algo_impl", "churn") for task in measured.tasks]
        yield from _extremes(f"tasks on {hardware}", [row for row in rows if row is not None])


def claim_8(measured: Measured) -> Iterator[Verdict]:
    """Judge, for each task, whether the churn of implementation noise differs between kinds of hardware.

    It is a fact that it does, if the weights of all replicates are equal on one kind of hardware and not on another.
    """
    for task in measured.tasks:
        found = [
            (measured.get(hardware, task, "impl", "churn"), measured.get(hardware, task, "impl", "unequal_weights"))
            for hardware in measured.hardware
        ]
        rows = [churn for churn, _ in found if churn is not None]
        still = [changed for _, changed in found if changed is not None and changed.value == 0]
        context = f"{task} over {len(rows)} kinds of hardware"
        if not still or len(rows) < 2:
            yield from _extremes(context, rows)
            continue
        verdict = REPRODUCED if len(still) < len(rows) else NOT_REPRODUCED
        context += f" (all weights are equal on {', '.join(row.hardware for row in still)})"
        yield Verdict("", context, verdict, n=_fewest(still), note=_notes(rows))


def claim_9(measured: Measured) -> Iterator[Verdict]:
    """Judge, for each task in mixed precision, whether changing only the implementation changes the weights."""
    mixed = [(hardware, task) for hardware, task in measured.contexts if is_mixed_precision(hardware)]
    yield from (_moves_weights(measured, hardware, task, "impl") for hardware, task in mixed)


def claim_10(measured: Measured) -> Iterator[Verdict]:
    """Judge, for each task, whether the churn of implementation noise rises with the number of multiprocessors.

    Mixed precision is left out, because it is another kernel and not another degree of parallelism.
    """
    for task in measured.tasks:
        found = [
            [measured.get(hardware, task, "impl", metric) for metric in ("churn", "multiprocessors")]
            for hardware in measured.hardware
            if not is_mixed_precision(hardware)
        ]
        pairs = [(churn, size.value) for churn, size in found if churn is not None and size is not None]
        if len(pairs) > 1:
            yield _rises(f"{task} over {len(pairs)} devices", *map(list, zip(*pairs, strict=True)))


def claim_11(measured: Measured) -> Iterator[Verdict]:
    """Judge whether changing only the order of examples within a batch changes the weights.

    Each task on each kind of hardware gets its own verdict.
    """
    for hardware, task in measured.contexts:
        if measured.get(hardware, task, "in_batch_order", "churn") is not None:
            yield _moves_weights(measured, hardware, task, "in_batch_order")


def _moves_weights(measured: Measured, hardware: str, task: str, noise: str) -> Verdict:
    """Judge whether a noise changes the weights while the replicates of the control cell stay bitwise equal.

    That is a fact and needs no interval: one pair of replicates with unequal weights is proof, and one pair of control
    replicates with unequal weights is proof of the opposite. Only that no pair is unequal proves nothing about others.
    """
    churn, changed = (measured.get(hardware, task, noise, metric) for metric in ("churn", "unequal_weights"))
    control = measured.get(hardware, task, "control", "unequal_weights")
    context = f"{task} on {hardware}"
    if churn is None or changed is None or control is None:
        return Verdict("", context, NOT_MEASURED)
    accuracy = _differ_within_sets(measured.groups(hardware, task, noise, "accuracy"))
    context += (
        f" (weights differ in {changed.value:.0f} of {changed.n_pairs:.0f} pairs; predictions "
        f"{'differ' if churn.value > 0 else 'are equal'}; accuracies {'differ' if accuracy else 'are equal'}; control "
        f"differs in {control.value:.0f} of {control.n_pairs:.0f} pairs)"
    )
    verdict = REPRODUCED if changed.value > 0 and control.value == 0 else NOT_REPRODUCED
    proven = changed.value > 0 or control.value > 0
    estimate = churn.value, churn.low, churn.high, int(churn.n_replicates)
    return Verdict("", context, verdict, *estimate, proven=proven, note=_notes([churn]))


def _differ_within_sets(accuracies: pd.DataFrame) -> bool:
    """Return whether any two replicates of the same seed set differ in accuracy."""
    numbers = accuracies["group"].str.removeprefix("replicate ").astype(int)
    return bool((accuracies.groupby(numbers % accuracies["seed_sets"].astype(int))["value"].nunique() > 1).any())


def _estimate(row: pd.Series) -> Estimate:
    return Estimate(row.value, row.low, row.high, row.error, row.freedom)


def _fewest(rows: list[pd.Series]) -> int:
    return min(int(row.n_replicates) for row in rows)


def _notes(rows: list[pd.Series], *more: str) -> str:
    """Return further notes and those of rows of metrics.csv, each followed by the cells that it is about."""
    cells: dict[str, list[str]] = {}
    for row in rows:
        for note in join_notes(row.note, seed_note(row.noise, row.seed_sets)).split("; "):
            cells.setdefault(note, []).append(f"{row.hardware}/{row.task}/{row.noise}")
    cells.pop("", None)
    notes = [f"{note} ({', '.join(where)})" if len(rows) > 1 else note for note, where in cells.items()]
    return join_notes(*more, *notes)


def _undefined(context: str, reason: str, rows: list[pd.Series], effect: float = np.nan) -> Verdict:
    return Verdict("", context, UNDEFINED, effect, n=_fewest(rows), note=_notes(rows, reason))


def _churn_ratio(first: pd.Series, second: pd.Series, confidence: float = stats.CONFIDENCE) -> Estimate:
    """Estimate the logarithm of the ratio of two churns, which are assumed to be independent."""
    return stats.log_ratio(_estimate(first), _estimate(second), confidence)


def _on_ratio_scale(
    context: str, ratio: Estimate, p_for: float, p_against: float, rows: list[pd.Series], note: str = ""
) -> Verdict:
    """Return the verdict on a log ratio, with the ratio itself as the effect."""
    effect, low, high = (float(np.exp(value)) for value in ratio[:3])
    if np.isnan(p_for) or np.isnan(p_against):
        return _undefined(context, _why_undefined(ratio), rows, effect)
    numbers = effect, low, high, _fewest(rows)
    return Verdict(
        "", context, decide(p_for, p_against), *numbers, p_for=p_for, p_against=p_against, note=_notes(rows, note)
    )


def _why_undefined(estimate: Estimate) -> str:
    """Return why an estimate cannot be tested."""
    if np.isnan(estimate.value):
        return "undefined: churn is 0 in both cells"
    if estimate.error == 0:
        return "undefined: the standard error is 0, so that nothing is known about other runs"
    return "undefined: metrics.csv has no standard error; measure again"


def _same_mean(context: str, algo_impl: pd.Series, algo: pd.Series, impl: pd.Series) -> Verdict:
    """Test whether all means differ by less than SAME_MEAN_POINTS; the effect is the largest of the differences.

    The claim is about all seeds. Where `impl` has one seed set, its mean is known for the held seeds alone, and these
    are one draw. The spread of the runs of `algo`, which draw their seeds anew, is therefore added to its error.
    """
    rows = [algo_impl, algo, impl]
    means, note = [_estimate(row) for row in rows], ""
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
        return _undefined(context, _why_undefined(unknown[0]), rows, largest.value)
    p_for = max(stats.p_equivalent(found, SAME_MEAN_POINTS) for found in differences)
    p_against = min(1.0, len(pairs) * min(stats.p_different(found, SAME_MEAN_POINTS) for found in differences))
    numbers = largest.value, largest.low, largest.high, _fewest(rows)
    return Verdict(
        "", context, decide(p_for, p_against), *numbers, p_for=p_for, p_against=p_against, note=_notes(rows, note)
    )


def _against_null(context: str, row: pd.Series, over_null: list[float]) -> Verdict:
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
        return _undefined(context, row.note or f"undefined: metrics.csv has no null of {row.metric}", [row], row.value)
    freedom = row.n_replicates - row.seed_sets
    p_against = max((stats.p_spread_below(value, freedom, SAME_LEVEL) for value in known), default=np.nan)
    numbers = row.value, row.null_low, row.null_high, int(row.n_replicates)
    verdict = decide(row.p, p_against, undecided=INSIDE_NULL)
    return Verdict("", context, verdict, *numbers, p_for=row.p, p_against=p_against, note=_notes([row]))


def _rises(context: str, churn: list[pd.Series], sizes: list[float]) -> Verdict:
    """Judge by Kendall's tau whether churn rises with the number of multiprocessors of the device."""
    found = stats.kendall(np.array(sizes), np.array([row.value for row in churn]))
    if np.isnan(found.tau):
        return _undefined(context, "undefined: churn, or the number of multiprocessors, is equal everywhere", churn)
    note = ""
    if found.smallest > ALPHA:
        note = f"p cannot be below {found.smallest:.2g} with these devices; five of different size can decide"
    verdict, n = decide(found.p_rising, found.p_falling), _fewest(churn)
    p_for, p_against = found.p_rising, found.p_falling
    return Verdict("", context, verdict, found.tau, n=n, p_for=p_for, p_against=p_against, note=_notes(churn, note))


def _extremes(context: str, rows: list[pd.Series]) -> Iterator[Verdict]:
    """Judge whether the churn of several cells differs, by the ratio of the largest to the smallest.

    The ratio itself is never below 1, because the two cells are chosen by size. The p-value of a difference, and the
    interval, therefore have Bonferroni's correction for all pairs of cells. The cells count as equal if every pair is
    shown to be equal within the factor SAME_LEVEL, which needs no correction.
    """
    if len(rows) < 2:
        return
    ordered = sorted(rows, key=lambda row: float(row.value))
    pairs = list(itertools.combinations(ordered, 2))
    largest = _churn_ratio(ordered[-1], ordered[0], 1 - ALPHA / len(pairs))
    p_for = min(1.0, len(pairs) * stats.p_different(largest))
    p_against = max(stats.p_equivalent(_churn_ratio(*pair), float(np.log(SAME_LEVEL))) for pair in pairs)
    yield _on_ratio_scale(context, largest, p_for, p_against, rows)


TESTS: dict[str, Callable[[Measured], Iterator[Verdict]]] = {
    "C1": claim_1,
    "C2": claim_2,
    "C3": claim_3,
    "C4": claim_4,
    "C5": claim_5,
    "C6": claim_6,
    "C7": claim_7,
    "C8": claim_8,
    "C9": claim_9,
    "C10": claim_10,
    "C11": claim_11,
}
