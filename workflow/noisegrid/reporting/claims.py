"""Test the paper's claims on the metrics of a study. Each verdict has an effect, its interval and the sample size n.

A verdict covers one context, usually a task on one kind of hardware, because a claim may hold in some contexts and not
in others. The possible verdicts are:

    reproduced         the interval lies entirely in the range that the claim predicts
    not reproduced     the interval lies entirely outside this range
    inside the null    independent errors on the same test images would explain the effect
    not decided        the interval lies partly in this range, or there are fewer than MIN_REPLICATES replicates (C1, C9
                       and C11 are facts: one pair of replicates with unequal weights is proof)
    not measured here  the study has no cells to test the claim on, or the paper has no number to compare with

The tests of C1 to C11 use metrics.csv; the tests of C12 to C16 use overhead.csv and are in `claims_overhead`.
workflow/catalog/claims.yaml and docs/claims.md describe all tests.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from noisegrid import stats
from noisegrid.common.schemas import catalog
from noisegrid.reporting import claims_overhead
from noisegrid.reporting.metrics_frame import batch_norm_counterparts, select
from noisegrid.reporting.verdicts import (
    INSIDE_NULL,
    MIN_REPLICATES,
    NOT_DECIDED,
    NOT_MEASURED,
    NOT_REPRODUCED,
    REPRODUCED,
    Verdict,
)
from noisegrid.runtime.hardware import is_mixed_precision

MIN_DEVICES = 4  # a trend over fewer devices is not tested
ALPHA = 0.05
SAME_ORDER = 2.0  # two noise levels are "of the same order" if they differ by less than this factor
SAME_MEAN_POINTS = 0.5  # two mean accuracies count as equal if they differ by less than this (in percentage points)


class Measured:
    """The metrics of a study, to be looked up by metric and cell. Comparisons across hardware are left out."""

    def __init__(self, frame: pd.DataFrame) -> None:
        frame = frame[~frame["metric"].str.endswith("_across_hardware")]
        self.frame = frame
        self.contexts = list(dict.fromkeys(zip(frame["hardware"], frame["task"], strict=True)))
        self.tasks = list(dict.fromkeys(frame["task"]))
        self.hardware = list(dict.fromkeys(frame["hardware"]))
        cells = frame[frame["group"] == "all"]
        self._rows = {(r.hardware, r.task, r.noise, r.metric): r for r in cells.itertuples()}

    def get(self, hardware: str, task: str, noise: str, metric: str) -> pd.Series | None:
        """Return the row of a metric for a cell, or None if the metric was not measured there."""
        return self._rows.get((hardware, task, noise, metric))

    def accuracies(self, hardware: str, task: str, noise: str) -> np.ndarray:
        """Return the accuracies of a cell's replicates in percent; return an empty array if none were measured."""
        rows = select(self.frame, "accuracy", None)
        keep = (rows["hardware"] == hardware) & (rows["task"] == task) & (rows["noise"] == noise)
        return rows.loc[keep, "value"].to_numpy()


def judge(frame: pd.DataFrame, overhead: pd.DataFrame | None = None) -> list[Verdict]:
    """Judge every claim in every context (usually a task on one kind of hardware) in which it was measured.

    Parameters
    ----------
    frame : pandas.DataFrame
        The contents of metrics.csv.
    overhead : pandas.DataFrame, optional
        The contents of overhead.csv, if the study times networks. C12 to C16 cannot be tested without it.

    Returns
    -------
    list of Verdict
        The verdicts, in the order of the claims. Every claim has at least one verdict, which is `not measured here` if
        the study cannot test the claim in any context.
    """
    measured, verdicts = Measured(frame), list[Verdict]()
    for claim in catalog("claims"):
        found = list(TESTS[claim](measured)) if claim in TESTS else []
        if overhead is not None and claim in claims_overhead.TESTS:
            found = list(claims_overhead.TESTS[claim](overhead))
        found = [v if v.proven or v.n >= MIN_REPLICATES else replace(v, verdict=NOT_DECIDED) for v in found]
        verdicts += [replace(verdict, claim=claim) for verdict in found] or [Verdict(claim, "", NOT_MEASURED)]
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
            yield _same_order(f"{task} on {hardware}", impl, algo)


def claim_3(measured: Measured) -> Iterator[Verdict]:
    """Judge whether the mean accuracy is the same under the noises `algo_impl`, `algo` and `impl`.

    Each task on each kind of hardware gets its own verdict.
    """
    for hardware, task in measured.contexts:
        sources = ("algo_impl", "algo", "impl")
        means = [measured.get(hardware, task, noise, "accuracy_mean") for noise in sources]
        if any(row is not None and row.interval == "t over sets" for row in means):
            continue  # the test assumes independent replicates; replicates that share a seed set are not independent
        cells = [measured.accuracies(hardware, task, noise) for noise in sources]
        if all(len(cell) > 1 for cell in cells):
            yield _same_mean(f"{task} on {hardware}", cells)


def claim_4(measured: Measured) -> Iterator[Verdict]:
    """Judge, for each task on each kind of hardware, whether the accuracy of some class varies beyond the null.

    The tested value is the largest ratio of a class's standard deviation to the overall standard deviation.
    """
    for hardware, task in measured.contexts:
        row = measured.get(hardware, task, "algo_impl", "class_std_ratio_max")
        if row is not None and not np.isnan(row.value):
            yield _against_null(f"{task} on {hardware}, algo_impl", row)


def claim_5(measured: Measured) -> Iterator[Verdict]:
    """Judge whether the false-negative rate of the smallest sub-group varies beyond the null.

    The smallest sub-group is the one with the fewest positives. The null is that errors on different examples are
    independent. Each task on each kind of hardware gets its own verdict.
    """
    groups = measured.frame[measured.frame["metric"].isin(["group_fnr_std_relative", "group_positives"])]
    for hardware, task in measured.contexts:
        here = (groups["hardware"] == hardware) & (groups["task"] == task) & (groups["noise"] == "algo_impl")
        parts = groups[here & (groups["group"] != "all")]
        counts = parts[parts["metric"] == "group_positives"].set_index("group")["value"]
        if counts.empty:
            continue
        smallest = counts.idxmin()
        rows = parts[(parts["metric"] == "group_fnr_std_relative") & (parts["group"] == smallest)]
        context = f"{smallest} (fewest positives) in {task} on {hardware}, algo_impl"
        yield from (_against_null(context, row) for row in rows.itertuples())


def claim_6(measured: Measured) -> Iterator[Verdict]:
    """Judge, for each network that was measured with and without batch norm, whether batch norm reduces churn."""
    for hardware, task, plain in batch_norm_counterparts(measured.frame):
        with_norm, without = (measured.get(hardware, name, "algo_impl", "churn") for name in (task, plain))
        if with_norm is not None and without is not None:
            yield _ratio_verdict(f"{task} against {plain} on {hardware}", with_norm, without, above=False)


def claim_7(measured: Measured) -> Iterator[Verdict]:
    """Judge, on each kind of hardware, whether churn differs between tasks."""
    for hardware in measured.hardware:
        rows = [measured.get(hardware, task, "algo_impl", "churn") for task in measured.tasks]
        yield from _extremes(f"tasks on {hardware}", [row for row in rows if row is not None])


def claim_8(measured: Measured) -> Iterator[Verdict]:
    """Judge, for each task, whether the churn of implementation noise differs between kinds of hardware."""
    for task in measured.tasks:
        rows = [measured.get(hardware, task, "impl", "churn") for hardware in measured.hardware]
        yield from _extremes(f"{task} over hardware", [row for row in rows if row is not None])


def claim_9(measured: Measured) -> Iterator[Verdict]:
    """Judge, for each task in mixed precision, whether changing only the implementation changes the weights."""
    mixed = [(hardware, task) for hardware, task in measured.contexts if is_mixed_precision(hardware)]
    yield from (_moves_weights(measured, hardware, task, "impl") for hardware, task in mixed)


def claim_10(measured: Measured) -> Iterator[Verdict]:
    """Judge, for each task, whether the churn of implementation noise rises with the number of multiprocessors."""
    for task in measured.tasks:
        rows = [measured.get(hardware, task, "impl", "churn") for hardware in measured.hardware]
        sizes = [measured.get(hardware, task, "impl", "multiprocessors") for hardware in measured.hardware]
        pairs = [
            (row, size.value) for row, size in zip(rows, sizes, strict=True) if row is not None and size is not None
        ]
        if len(pairs) >= MIN_DEVICES:
            yield _rises(f"{task} over {len(pairs)} devices", pairs)


def claim_11(measured: Measured) -> Iterator[Verdict]:
    """Judge whether changing only the order of examples within a batch changes the weights.

    Each task on each kind of hardware gets its own verdict.
    """
    for hardware, task in measured.contexts:
        if measured.get(hardware, task, "in_batch_order", "churn") is not None:
            yield _moves_weights(measured, hardware, task, "in_batch_order")


def _moves_weights(measured: Measured, hardware: str, task: str, noise: str) -> Verdict:
    """Judge whether a noise changes the weights while the replicates of the control cell stay bitwise equal.

    That is a fact and needs no interval: one pair of replicates with unequal weights is proof.
    """
    churn, changed = (measured.get(hardware, task, noise, metric) for metric in ("churn", "unequal_weights"))
    control = measured.get(hardware, task, "control", "unequal_weights")
    context = f"{task} on {hardware}"
    if churn is None or changed is None or control is None:
        return Verdict("", context, NOT_MEASURED, n=MIN_REPLICATES)
    context += f" ({changed.value:.0f} of {changed.n_pairs:.0f} pairs have unequal weights)"
    verdict = REPRODUCED if changed.value > 0 and control.value == 0 else NOT_REPRODUCED
    estimate = churn.value, churn.low, churn.high, int(churn.n_replicates)
    return Verdict("", context, verdict, *estimate, proven=verdict == REPRODUCED)


def _log_ratio(first: pd.Series, second: pd.Series) -> tuple[float, float, int]:
    """Return the logarithm of the ratio of two estimates, its standard error and its degrees of freedom.

    The two estimates are assumed to be independent. The standard error comes from the delta method.
    """
    freedom = int(min(first.n_replicates, second.n_replicates)) - 1
    critical = [stats.student_quantile(row.n_replicates - 1) for row in (first, second)]
    errors = [(row.high - row.value) / t / row.value for row, t in zip((first, second), critical, strict=True)]
    return float(np.log(first.value / second.value)), float(np.hypot(*errors)), freedom


def _same_order(context: str, first: pd.Series, second: pd.Series) -> Verdict:
    """Test whether two estimates differ by less than the factor SAME_ORDER.

    This is the case if the 90 % interval of their ratio lies between 1 / SAME_ORDER and SAME_ORDER, which is equivalent
    to two one-sided tests at 5 %.
    """
    n = int(min(first.n_replicates, second.n_replicates))
    if min(first.value, second.value) == 0:
        verdict = NOT_DECIDED if first.value == second.value else NOT_REPRODUCED
        return Verdict("", context, verdict, first.value / second.value if second.value else np.nan, n=n)
    log, error, freedom = _log_ratio(first, second)
    bound = np.log(SAME_ORDER)
    wide, narrow = (stats.student_quantile(freedom, confidence) * error for confidence in (0.95, 0.90))
    verdict = NOT_DECIDED
    if abs(log) + narrow < bound:
        verdict = REPRODUCED
    elif abs(log) - wide > bound:
        verdict = NOT_REPRODUCED
    return _on_ratio_scale(context, verdict, log, wide, n)


def _same_mean(context: str, cells: list[np.ndarray]) -> Verdict:
    """Test whether all means differ by less than SAME_MEAN_POINTS; the effect is the largest of the differences."""
    pairs = list(itertools.combinations(cells, 2))
    intervals = [stats.mean_difference(*pair) for pair in pairs]
    narrow = [stats.mean_difference(*pair, confidence=0.90) for pair in pairs]
    largest = max(intervals, key=lambda interval: abs(interval.value))
    verdict = NOT_DECIDED
    if all(max(abs(i.low), abs(i.high)) < SAME_MEAN_POINTS for i in narrow):
        verdict = REPRODUCED
    elif any(i.low > SAME_MEAN_POINTS or i.high < -SAME_MEAN_POINTS for i in intervals):
        verdict = NOT_REPRODUCED
    return Verdict("", context, verdict, *largest[:3], min(map(len, cells)))


def _against_null(context: str, row: pd.Series) -> Verdict:
    verdict = INSIDE_NULL
    if row.value > row.null_high:
        verdict = REPRODUCED
    elif row.value < row.null_low:
        verdict = NOT_REPRODUCED
    return Verdict("", context, verdict, row.value, row.null_low, row.null_high, int(row.n_replicates))


def _ratio_verdict(context: str, first: pd.Series, second: pd.Series, above: bool, comparisons: int = 1) -> Verdict:
    """Judge from its interval whether the ratio `first` / `second` is above 1 (or, if `above` is False, below 1).

    The interval is widened by Bonferroni's correction for `comparisons` comparisons.
    """
    n = int(min(first.n_replicates, second.n_replicates))
    if min(first.value, second.value) == 0:
        return Verdict("", context, NOT_DECIDED, n=n)
    log, error, freedom = _log_ratio(first, second)
    margin = stats.student_quantile(freedom, 1 - 0.05 / comparisons) * error
    low, high = (log - margin, log + margin) if above else (-log - margin, -log + margin)
    verdict = REPRODUCED if low > 0 else NOT_REPRODUCED if high < 0 else NOT_DECIDED
    return _on_ratio_scale(context, verdict, log, margin, n)


def _on_ratio_scale(context: str, verdict: str, log: float, margin: float, n: int) -> Verdict:
    effect, low, high = (float(np.exp(value)) for value in (log, log - margin, log + margin))
    return Verdict("", context, verdict, effect, low, high, n)


def _rises(context: str, pairs: list[tuple[pd.Series, float]]) -> Verdict:
    """Judge by Kendall's tau whether churn rises with the number of multiprocessors of the device.

    Without ties, the test of Kendall's tau is exact, and therefore valid even for a handful of devices.
    """
    from scipy.stats import kendalltau  # takes half a second to import, and few studies have enough devices

    churn, size = [row.value for row, _ in pairs], [size for _, size in pairs]
    found = kendalltau(size, churn)
    verdict = NOT_DECIDED
    if found.pvalue < ALPHA:
        verdict = REPRODUCED if found.statistic > 0 else NOT_REPRODUCED
    n = min(int(row.n_replicates) for row, _ in pairs)
    return Verdict("", context, verdict, float(found.statistic), n=n)


def _extremes(context: str, rows: list[pd.Series]) -> Iterator[Verdict]:
    """Judge whether the ratio of the largest estimate to the smallest one is above 1.

    The ratio itself is never below 1, because the two estimates are chosen by size. Its interval is therefore widened
    by Bonferroni's correction for all pairs of estimates.
    """
    if len(rows) > 1:
        ordered = sorted(rows, key=lambda row: float(row.value))
        count = len(rows) * (len(rows) - 1) // 2
        yield _ratio_verdict(context, ordered[-1], ordered[0], above=True, comparisons=count)


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
