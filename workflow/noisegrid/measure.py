"""The replicates of one cell become long-form metrics, each with n, interval and, where there is one, its null.

Reads: the batch files of a cell and the replicate folders they list, every byte checked. Writes: one CSV per cell.
Stops with an error that names the runs if a control cell is not bitwise equal, or if replicates do not belong together.
Command: python -m noisegrid.measure --study quick --cell cpu/smallcnn-digits/algo --batches B.json --output CELL.csv
"""

import argparse
import itertools
import json
import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid import metrics
from noisegrid.basics.errors import NoisegridError, exit_on_error
from noisegrid.basics.files import csv_text, write_text
from noisegrid.design.study import ALGORITHMIC, FREE, Cell, load_study
from noisegrid.metrics import Estimate, Null
from noisegrid.records.record import SHARED, Replicate, check_belongs, entry, read, replicate_folder

Array = np.ndarray
Row = dict[str, Any]
#: Columns of metrics.csv. `value`, `low`, `high` and the null's are in `unit`; an empty field is "there is none".
COLUMNS = (
    "study", "hardware", "task", "noise", "metric", "group", "unit", "value", "low", "high", "interval",
    "null_median", "null_low", "null_high", "n_replicates", "n_pairs", "n_examples", "device", "versions",
)  # fmt: skip


def load_replicates(
    cell: Cell, batches: list[Path], results: Path, left_out: Collection[str] = ()
) -> tuple[list[Replicate], dict[str, int]]:
    """The cell's finished replicates, every file checked, and how many diverged and failed.

    left_out: files of a replicate that need not be there (record.read).
    """
    finished, lost = [], {"diverged": 0, "failed": 0}
    for path in batches:
        batch = json.loads(path.read_text())["cells"][cell.noise]
        lost = {fate: count + len(batch[fate]) for fate, count in lost.items()}
        for number, expected in batch["weight_hashes"].items():
            replicate = read(replicate_folder(results, cell, int(number)), left_out)
            check_belongs(replicate.record, cell, replicate.folder)
            if replicate.record["weight_hash"] != expected or replicate.record["replicate"] != int(number):
                raise NoisegridError(f"{replicate.folder} is not the run that {path} lists; delete both and run again")
            finished.append(replicate)
    if len(finished) < 2:
        raise NoisegridError(
            f"{cell.path}: {len(finished)} of {cell.replicates} replicates finished; a spread needs two"
        )
    return finished, lost


def check_together(cell: Cell, replicates: list[Replicate]) -> None:
    """Replicates of one cell share code, device model and versions; what the cell holds is the same to the bit."""
    _check_same(cell, replicates, SHARED)
    held = [] if "init" in FREE[cell.noise] else ["initial_weight_hash"]
    held += ["weight_hash"] if cell.noise == "control" else []
    for pair in range(cell.pairs):
        _check_same(cell, [r for r in replicates if r.record["replicate"] % cell.pairs == pair], held)


def _check_same(cell: Cell, replicates: list[Replicate], keys: Iterable[str]) -> None:
    for key, other in itertools.product(keys, replicates[1:]):
        values = [entry(replicate.record, key) for replicate in (replicates[0], other)]
        if values[0] != values[1]:
            raise NoisegridError(
                f"{cell.path}: {replicates[0].folder} and {other.folder} differ in {key} "
                f"({values[0]} and {values[1]}), which this cell holds fixed"
            )


@dataclass(frozen=True)
class Predictions:
    """What the replicates of a cell predict. A unit is a test image, or one attribute of one image.

    labels: (examples,) or (examples, attributes). predicted, half: int16 (replicates, units), after all and half of the
    epochs. logits: float32 (replicates, sampled examples, classes). calibration: percent (replicates,), or None for
    attributes. groups: the arrays group, group_name and target, where the dataset has sub-groups.
    """

    labels: Array
    predicted: Array
    half: Array
    logits: Array
    calibration: Array | None
    groups: dict[str, Array]

    @property
    def correct(self) -> Array:
        """Booleans (replicates, units)."""
        right: Array = self.predicted == self.labels.ravel()
        return right

    @property
    def class_of(self) -> Array:
        """The class of each unit, or which attribute it is."""
        if self.labels.ndim == 1:
            return self.labels
        return np.tile(np.arange(self.labels.shape[1]), len(self.labels))


def load_predictions(replicates: list[Replicate]) -> Predictions:
    """Read one replicate at a time: a hundred runs' logits would not fit into memory together."""
    first = replicates[0].predictions()
    labels, (_, classes) = first["label"], first["logits"].shape
    predicted, half = (np.empty((len(replicates), labels.size), np.int16) for _ in range(2))
    sample = metrics.logit_sample(len(replicates), first["logits"].shape)
    logits, calibration = np.empty((len(replicates), len(sample), classes), np.float32), []
    for index, replicate in enumerate(replicates):
        arrays = replicate.predictions()
        predicted[index] = metrics.predictions_of(arrays["logits"], labels).ravel()
        half[index] = metrics.predictions_of(arrays["half_logits"], labels).ravel()
        logits[index] = arrays["logits"][sample]
        if labels.ndim == 1:
            probabilities = metrics.softmax(arrays["logits"])
            calibration.append(100 * metrics.expected_calibration_error(probabilities, labels))
    groups: dict[str, Array] = {key: first[key] for key in ("group", "group_name", "target") if key in first}
    return Predictions(labels, predicted, half, logits, np.array(calibration) if calibration else None, groups)


def measure(cell: Cell, replicates: list[Replicate], lost: dict[str, int]) -> list[Row]:
    """All metrics of a cell, as rows of COLUMNS; without those of the weights where weights are not at hand."""
    found, weighed = load_predictions(replicates), all(replicate.has_weights for replicate in replicates)
    numbers = np.array([replicate.record["replicate"] for replicate in replicates])
    # runs of one set share what is held; where every seed is free they share nothing
    pair_of = np.zeros_like(numbers) if FREE[cell.noise] >= ALGORITHMIC else numbers % cell.pairs
    rng = np.random.default_rng(int(cell.digest, 16))
    rows = [
        *(metric_row(f"replicates_{fate}", "count", count) for fate, count in lost.items()),
        *accuracy_rows(found.correct, numbers, pair_of),
        *pair_rows(found.predicted, found.logits, pair_of),
        *(weight_rows(replicates, pair_of) if weighed else ()),
        *class_rows(found.correct, found.class_of, pair_of, rng),
        *artifact_rows(found.correct, found.half, replicates if weighed else []),
    ]
    if found.calibration is not None:
        rows.append(mean_row("calibration_error", found.calibration, pair_of))
    if found.groups:
        rows += group_rows(found, pair_of, rng)
    record = replicates[0].record
    if "multiprocessors" in record["device"]:
        rows.append(metric_row("multiprocessors", "count", record["device"]["multiprocessors"]))
    common = {
        "study": cell.study,
        "hardware": cell.hardware,
        "task": cell.task,
        "noise": cell.noise,
        "n_replicates": len(replicates),
        "n_examples": len(found.labels),
        "device": record["device"]["model"],
        "versions": f"torch {record['software']['torch']}, Python {record['software']['python']}",
    }
    return [common | row for row in rows]


def accuracy_rows(correct: Array, numbers: Array, pair_of: Array) -> Iterator[Row]:
    """Top-1 of each replicate, and its mean."""
    accuracy = 100 * correct.mean(axis=1)
    for number, value in zip(numbers, accuracy, strict=True):
        yield metric_row("accuracy", "percent", float(value), group=f"replicate {number}")
    yield mean_row("accuracy_mean", accuracy, pair_of)


def mean_row(metric: str, values: Array, pair_of: Array, group: str = "all") -> Row:
    """The mean of percentages (replicates,)."""
    return metric_row(metric, "percent", metrics.mean(values, pair_of), f"t over {_units(pair_of)}", group)


def _units(pair_of: Array) -> str:
    """What is independent of each other: runs, or where several sets of seeds are held, the sets."""
    return "runs" if len(np.unique(pair_of)) == 1 else "sets"


def pair_rows(predicted: Array, logits: Array, pair_of: Array) -> Iterator[Row]:
    """Churn over all predictions (replicates, units), logit correlation over a sample of examples."""
    yield from _distance_rows("churn", "percent", 100 * metrics.churn_matrix(predicted), pair_of)
    # the correlation's complement is a distance with a zero diagonal, as churn is
    for row in _distance_rows("logit_correlation", "1", 1 - metrics.logit_correlation_matrix(logits), pair_of):
        yield row | {"value": 1 - row["value"], "low": 1 - row["high"], "high": 1 - row["low"]}


def weight_rows(replicates: list[Replicate], pair_of: Array) -> Iterator[Row]:
    """L2 between final weights, in four readings."""
    weights = [replicate.weights() for replicate in replicates]
    for reading, matrix in metrics.l2_matrices(weights, replicates[0].parameters).items():
        yield from _distance_rows(f"l2_{reading}", "1", matrix, pair_of)


def _distance_rows(metric: str, unit: str, matrix: Array, pair_of: Array) -> Iterator[Row]:
    """The mean over pairs of replicates that hold the same seeds and, with several sets, between sets."""
    together = pair_of[:, None] == pair_of
    for name, wanted in ((metric, together), (f"{metric}_between_pairs", ~together)):
        count = int(np.triu(wanted, 1).sum())
        if count:
            estimate = metrics.pair_mean(matrix, wanted, pair_of)
            yield metric_row(name, unit, estimate, f"jackknife over {_units(pair_of)}", n_pairs=count)


def class_rows(correct: Array, labels: Array, pair_of: Array, rng: np.random.Generator) -> Iterator[Row]:
    """Overall and per-class spread and their ratio, each beside the independent-error null."""
    classes = int(labels.max()) + 1

    def spreads(hits: Array) -> Array:
        """Overall std, per-class stds, per-class ratios, the largest ratio."""
        overall = 100 * metrics.pooled_spread(hits.mean(axis=1), pair_of)
        per_class = 100 * metrics.pooled_spread(metrics.class_accuracies(hits, labels, classes), pair_of)
        ratios = metrics.spread_ratio(per_class, float(overall))
        return np.concatenate([[overall], per_class, ratios, [ratios.max()]])

    values = spreads(correct)
    null = metrics.independent_error_null(correct, spreads, rng, groups=pair_of)
    kinds = np.unique(pair_of)
    freedom = len(correct) - len(kinds)

    def row(index: int, metric: str, group: str, unit: str, interval: bool) -> Row:
        estimate = metrics.std_interval(float(values[index]), freedom) if interval else float(values[index])
        at = Null(null.median[index], null.low[index], null.high[index])
        return metric_row(metric, unit, estimate, "chi-square" if interval else "", group=group, null=at)

    yield row(0, "accuracy_std", "all", "percentage points", interval=True)
    if len(kinds) > 1:
        means = np.array([100 * correct[pair_of == kind].mean() for kind in kinds])
        yield metric_row("accuracy_std_between_pairs", "percentage points", metrics.std(means), "chi-square")
    for index in range(classes):
        yield row(1 + index, "class_accuracy_std", f"class {index}", "percentage points", interval=True)
    for index in range(classes):
        yield row(1 + classes + index, "class_std_ratio", f"class {index}", "1", interval=False)
    yield row(1 + 2 * classes, "class_std_ratio_max", "all", "1", interval=False)
    means = 100 * metrics.class_accuracies(correct, labels, classes)
    for index in range(classes):
        yield mean_row("class_accuracy_mean", means[:, index], pair_of, f"class {index}")


def group_rows(found: Predictions, pair_of: Array, rng: np.random.Generator) -> Iterator[Row]:
    """Sub-groups (paper, Figure 4): spread of accuracy, FPR and FNR on the target attribute, relative to everyone.

    Each spread stands beside the independent-error null.
    """
    arrays, target = found.groups, int(found.groups["target"])
    hits = found.correct.reshape(-1, *found.labels.shape)[:, :, target]
    positive, masks = found.labels[:, target].astype(bool), arrays["group"].T
    names = ["all", *map(str, arrays["group_name"])]

    def statistic(shuffled: Array) -> Array:
        spreads = 100 * metrics.group_spreads(shuffled, positive, masks, pair_of)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack([spreads, spreads / spreads[:, :1]])

    values, null = statistic(hits), metrics.independent_error_null(hits, statistic, rng, groups=pair_of)
    for kind, unit in enumerate(("percentage points", "1")):
        for rate, metric in enumerate(("accuracy", "fpr", "fnr")):
            for index, name in enumerate(names):
                place = kind, rate, index
                at = Null(null.median[place], null.low[place], null.high[place])
                ending = "std" if kind == 0 else "std_relative"
                yield metric_row(f"group_{metric}_{ending}", unit, float(values[place]), group=name, null=at)
    for name, mask in zip(names, [np.ones(len(positive), bool), *masks.astype(bool)], strict=True):
        yield metric_row("group_positives", "count", int((mask & positive).sum()), group=name)
        yield metric_row("group_negatives", "count", int((mask & ~positive).sum()), group=name)


def artifact_rows(correct: Array, half: Array, weighed: list[Replicate]) -> Iterator[Row]:
    """What the reference artifact would print for these runs (its definitions, see metrics); weighed: with weights."""
    pairs = len(correct) * (len(correct) - 1) // 2
    yield metric_row("artifact_accuracy_std", "percentage points", metrics.artifact_std(100 * correct.mean(axis=1)))
    yield metric_row("artifact_agreement_half", "percent", 100 * metrics.artifact_agreement(half), n_pairs=pairs)
    if weighed:
        weights = [replicate.weights("half_weights") for replicate in weighed]
        distance = metrics.pair_mean(metrics.l2_matrices(weights, weighed[0].parameters)["raw_buffers"])
        yield metric_row("artifact_l2_half", "1", distance.value, n_pairs=pairs)


def csv_of(rows: list[Row]) -> str:
    """Rows of COLUMNS as CSV."""
    return csv_text(rows, COLUMNS)


def metric_row(
    metric: str,
    unit: str,
    value: float | Estimate,
    interval: str = "",
    group: str = "all",
    null: Null | None = None,
    n_pairs: int | None = None,
) -> Row:
    """One row of the long form, without the columns that all rows of a cell share."""
    estimate = value if isinstance(value, Estimate) else Estimate(value, math.nan, math.nan)
    if unit == "percent":  # Student's interval does not know that a share ends at 0 and 100
        low, high = (float(np.clip(end, 0, 100)) for end in (estimate.low, estimate.high))  # NaN stays NaN
        estimate = Estimate(estimate.value, low, high)
    how = "" if math.isnan(estimate.low) else interval
    row: Row = {"metric": metric, "group": group, "unit": unit, "interval": how, **estimate._asdict()}
    if null is not None:
        row |= {"null_median": null.median, "null_low": null.low, "null_high": null.high}
    return row if n_pairs is None else row | {"n_pairs": n_pairs}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m noisegrid.measure", description=__doc__)
    parser.add_argument("--study", required=True, help="a name in workflow/studies, or a path")
    parser.add_argument("--cell", required=True, help="hardware/task/noise")
    parser.add_argument("--batches", type=Path, nargs="+", required=True, help="the cell's batch files")
    parser.add_argument("--results", type=Path, required=True, help="folder of all results")
    parser.add_argument("--output", type=Path, required=True, help="the CSV to write")
    options = parser.parse_args()
    cell = load_study(options.study).cell(*options.cell.split("/"))
    replicates, lost = load_replicates(cell, options.batches, options.results)
    check_together(cell, replicates)
    write_text(options.output, csv_of(measure(cell, replicates, lost)))


if __name__ == "__main__":
    exit_on_error(main)
