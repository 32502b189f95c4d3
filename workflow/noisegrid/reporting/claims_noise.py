"""The claims about noise, C1 to C11, which are tested on metrics.csv."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from noisegrid import stats
from noisegrid.reporting.claims_statistics import (
    SAME_LEVEL,
    SAME_ORDER,
    against_null,
    churn_ratio,
    extremes,
    fewest,
    notes_of,
    on_ratio_scale,
    rises,
    same_mean,
)
from noisegrid.reporting.metrics_frame import batch_norm_counterparts
from noisegrid.reporting.verdicts import NOT_MEASURED, NOT_REPRODUCED, REPRODUCED, Verdict
from noisegrid.runtime.hardware import is_mixed_precision


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
            ratio, margin = churn_ratio(impl, algo), float(np.log(SAME_ORDER))
            p = stats.p_equivalent(ratio, margin), stats.p_different(ratio, margin)
            yield on_ratio_scale(f"{task} on {hardware}", ratio, *p, [impl, algo])


def claim_3(measured: Measured) -> Iterator[Verdict]:
    """Judge whether the mean accuracy is the same under the noises `algo_impl`, `algo` and `impl`.

    Each task on each kind of hardware gets its own verdict.
    """
    for hardware, task in measured.contexts:
        names = ("algo_impl", "algo", "impl")
        rows = [measured.get(hardware, task, noise, "accuracy_mean") for noise in names]
        present = [row for row in rows if row is not None]
        if len(present) == len(names):
            yield same_mean(f"{task} on {hardware}", *present)


def claim_4(measured: Measured) -> Iterator[Verdict]:
    """Judge, for each task on each kind of hardware, whether the accuracy of some class varies beyond the null.

    The tested value is the largest standard deviation of a class, divided by the median of its own null. Its p-value is
    that of the largest of all classes.
    """
    for hardware, task in measured.contexts:
        row = measured.get(hardware, task, "algo_impl", "class_std_over_null_max")
        if row is not None:
            classes = measured.groups(hardware, task, "algo_impl", "class_std_over_null")["value"]
            yield against_null(f"{task} on {hardware}, algo_impl", row, [float(value) for value in classes])


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
            yield against_null(context, row, [row.value / row.null_median] if row.null_median > 0 else [])


def claim_6(measured: Measured) -> Iterator[Verdict]:
    """Judge, for each network that was measured with and without batch norm, whether batch norm reduces churn."""
    for hardware, task, plain in batch_norm_counterparts(measured.frame):
        with_norm, without = (measured.get(hardware, name, "algo_impl", "churn") for name in (task, plain))
        if with_norm is not None and without is not None:
            ratio = churn_ratio(with_norm, without)
            p_for = stats.p_different(ratio) if ratio.value < 0 else 1.0
            p_against = stats.p_above(ratio, -float(np.log(SAME_LEVEL)))
            context = f"{task} against {plain} on {hardware}"
            yield on_ratio_scale(context, ratio, p_for, p_against, [with_norm, without])


def claim_7(measured: Measured) -> Iterator[Verdict]:
    """Judge, on each kind of hardware, whether churn differs between tasks."""
    for hardware in measured.hardware:
        rows = [measured.get(hardware, task, "algo_impl", "churn") for task in measured.tasks]
        yield from extremes(f"tasks on {hardware}", [row for row in rows if row is not None])


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
            yield from extremes(context, rows)
            continue
        verdict = REPRODUCED if len(still) < len(rows) else NOT_REPRODUCED
        context += f" (all weights are equal on {', '.join(row.hardware for row in still)})"
        yield Verdict("", context, verdict, n=fewest(still), note=notes_of(rows))


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
            yield rises(f"{task} over {len(pairs)} devices", *map(list, zip(*pairs, strict=True)))


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
    return Verdict("", context, verdict, *estimate, proven=proven, note=notes_of([churn]))


def _differ_within_sets(accuracies: pd.DataFrame) -> bool:
    """Return whether any two replicates of the same seed set differ in accuracy."""
    numbers = accuracies["group"].str.removeprefix("replicate ").astype(int)
    return bool((accuracies.groupby(numbers % accuracies["seed_sets"].astype(int))["value"].nunique() > 1).any())
