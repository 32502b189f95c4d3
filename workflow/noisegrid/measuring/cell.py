"""All metrics of one cell, computed from its replicates.

Each row of metrics.csv has the number of replicates. Many rows also have an interval, a null or both.
"""

from collections.abc import Iterator

import numpy as np

from noisegrid import stats
from noisegrid.common import versions
from noisegrid.common.notes import join_notes
from noisegrid.measuring.classes import class_rows, group_rows
from noisegrid.measuring.crossed import component_rows
from noisegrid.measuring.ensembles import ensemble_rows
from noisegrid.measuring.epochs import epoch_rows
from noisegrid.measuring.pairs import hash_row, pair_rows, reference_rows, weight_rows
from noisegrid.measuring.predictions import Predictions, load_predictions
from noisegrid.measuring.rows import Row, mean_row, metric_row
from noisegrid.measuring.test_set import test_set_rows
from noisegrid.measuring.values import token_rows, value_rows
from noisegrid.records.predictions import are_values
from noisegrid.records.record import Replicate, versions_of
from noisegrid.study.sources import ALGORITHMIC, seed_note
from noisegrid.study.study import Cell

Array = np.ndarray


def measure(cell: Cell, replicates: list[Replicate], lost: dict[str, int]) -> list[Row]:
    """Return all metrics of a cell as rows of metrics.csv.

    A crossed cell has the accuracy of each run and the rows about its components. Its replicates share levels, so the
    intervals of all other metrics would be wrong. Metrics of the weights are left out if any replicate has no weights,
    and metrics of the logits if any has no logits.

    Parameters
    ----------
    cell : Cell
        The cell.
    replicates : list of Replicate
        The finished replicates of the cell.
    lost : dict
        The number of lost replicates under the keys `diverged` and `failed`.
    """
    found = load_predictions(replicates)
    numbers = np.array([replicate.record["replicate"] for replicate in replicates])
    seed_set = seed_set_of(cell, numbers)
    rng = np.random.default_rng(int(cell.digest, 16))
    rows = [
        *(metric_row(f"replicates_{fate}", "count", count) for fate, count in lost.items()),
        hash_row([replicate.record["weight_hash"] for replicate in replicates], seed_set),
    ]
    notes = dict[str, str]()
    if are_values(found.labels):
        rows += value_rows(cell.settings["task"], replicates, found, numbers, seed_set)
    elif cell.crossed:
        rows += [*run_rows(found.correct, numbers), *component_rows(found, numbers, cell.crossed, rng)]
    else:
        rows += noise_rows(replicates, found, numbers, seed_set, rng)
        rows += epoch_rows(found, seed_set)
        if cell.free:
            rows += ensemble_rows(found, seed_set)
        if "context" in cell.settings["task"] and found.logits is not None:
            rows += token_rows(found.logits, found.labels, numbers, seed_set)
        notes = outlier_notes(found.correct, found.predicted, numbers)
    common = common_columns(cell, replicates, found, seed_set)
    of_cell = seed_note(cell.noise, common["seed_sets"])
    return [common | row | {"note": join_notes(row["note"] or notes.get(row["metric"], ""), of_cell)} for row in rows]


def noise_rows(
    replicates: list[Replicate], found: Predictions, numbers: Array, seed_set: Array, rng: np.random.Generator
) -> Iterator[Row]:
    """Yield the rows of a cell whose replicates differ in the seeds of one noise.

    Parameters
    ----------
    replicates : list of Replicate
        The finished replicates of the cell.
    found : Predictions
        Their predictions.
    numbers : (replicates,)
        The number that identifies each replicate.
    seed_set : (replicates,)
        Index of the seed set of each replicate.
    rng : numpy.random.Generator
        Source of the random numbers for the nulls.
    """
    yield from accuracy_rows(found.correct, numbers, seed_set)
    yield from pair_rows(found.predicted, found.logits, numbers, seed_set)
    if _all_have(replicates, "weights"):
        yield from weight_rows(replicates, seed_set)
    yield from class_rows(found.correct, found.class_of, seed_set, rng, found.classes)
    midpoints = replicates if _all_have(replicates, "midpoint_weights") else []
    yield from reference_rows(found.correct, found.midpoint, midpoints)
    if found.calibration is not None:
        yield mean_row("calibration_error", found.calibration, seed_set)
    if found.groups:
        yield from group_rows(found, seed_set, rng)
    yield from test_set_rows(found, seed_set)
    device = replicates[0].record["device"]
    if "multiprocessors" in device:
        yield metric_row("multiprocessors", "count", device["multiprocessors"])


def common_columns(cell: Cell, replicates: list[Replicate], found: Predictions, seed_set: Array) -> Row:
    """Return the columns that have the same value in all rows of a cell."""
    record = replicates[0].record
    return {
        "study": cell.study,
        "hardware": cell.hardware,
        "task": cell.task,
        "noise": cell.noise,
        "n_replicates": len(replicates),
        "seed_sets": len(np.unique(seed_set)),
        "n_examples": len(found.labels),
        "device": record["device"]["model"],
        "versions": versions_of(record),
        "without_batch_norm": cell.without_batch_norm,
        "schema": versions.METRICS,
    }


def seed_set_of(cell: Cell, numbers: Array) -> Array:
    """Return the index of the seed set of each replicate of a cell, given their numbers.

    Replicates of a seed set share the seeds of held sources. If all algorithmic sources are free, replicates share no
    such seeds, and all of them have the index 0.
    """
    return np.zeros_like(numbers) if cell.free >= ALGORITHMIC else numbers % cell.seed_sets


def outlier_notes(correct: Array, predicted: Array, numbers: Array) -> dict[str, str]:
    """Return a note for each metric whose interval is too narrow because one replicate lies apart from all others.

    Parameters
    ----------
    correct : (replicates, units), bool
        Whether each prediction is correct.
    predicted : (replicates, units)
        The prediction for each unit.
    numbers : (replicates,)
        The number that identifies each replicate.

    Returns
    -------
    dict
        The names of the metrics, and their notes.
    """
    churn = stats.churn_matrix(predicted).mean(axis=1)
    apart = {("accuracy_mean", "accuracy_std"): correct.mean(axis=1), ("churn",): churn}
    found = {metrics: stats.outlier(values) for metrics, values in apart.items()}
    return {
        metric: f"replicate {numbers[index]} lies apart from all others, so the interval is too narrow"
        for metrics, index in found.items()
        if index is not None
        for metric in metrics
    }


def _all_have(replicates: list[Replicate], which: str) -> bool:
    return all(replicate.has(which) for replicate in replicates)


def accuracy_rows(correct: Array, numbers: Array, seed_set: Array) -> Iterator[Row]:
    """Yield one row per replicate with its top-1 accuracy, and one row with the mean over all replicates.

    Parameters
    ----------
    correct : (replicates, units), bool
        Whether each prediction is correct.
    numbers : (replicates,)
        The number that identifies each replicate.
    seed_set : (replicates,)
        Index of the seed set of each replicate.
    """
    yield from run_rows(correct, numbers)
    yield mean_row("accuracy_mean", 100 * correct.mean(axis=1), seed_set)


def run_rows(correct: Array, numbers: Array) -> Iterator[Row]:
    """Yield one row per replicate with its top-1 accuracy; the arguments are those of accuracy_rows."""
    for number, value in zip(numbers, 100 * correct.mean(axis=1), strict=True):
        yield metric_row("accuracy", "percent", float(value), group=f"replicate {number}")
