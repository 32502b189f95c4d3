"""Rows of a cell whose labels are values (regression), and of a cell whose labels are the next tokens of a text."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from noisegrid import stats
from noisegrid.measuring.pairs import distance_rows, run_churn_rows, weight_rows
from noisegrid.measuring.predictions import Predictions
from noisegrid.measuring.rows import Row, mean_row, metric_row
from noisegrid.records.predictions import are_values, blocks
from noisegrid.records.record import Replicate

Array = np.ndarray
#: Without `tolerance` in the recipe: this share of the standard deviation of the test labels.
TOLERANCE_SHARE = 0.1


def tolerance_of(task: dict[str, Any], labels: Array) -> float | None:
    """Return by how much two predictions of values may differ without being churn; None if labels are no values."""
    return float(task.get("tolerance", TOLERANCE_SHARE * float(labels.std()))) if are_values(labels) else None


def value_rows(
    task: dict[str, Any], replicates: list[Replicate], found: Predictions, numbers: Array, seed_set: Array
) -> Iterator[Row]:
    """Yield the rows of a cell whose labels are values: the error, its spread, churn by tolerance, and weights.

    Parameters
    ----------
    task : dict
        The settings of the task.
    replicates : list of Replicate
        The finished replicates of the cell.
    found : Predictions
        Their predictions.
    numbers : (replicates,)
        The number that identifies each replicate.
    seed_set : (replicates,)
        Index of the seed set of each replicate.
    """
    predicted = found.predicted.astype(np.float64)
    errors = np.sqrt(np.mean((predicted - found.labels.ravel()) ** 2, axis=1))
    yield from spread_rows("rmse", "unit of the labels", errors, numbers, seed_set)
    tolerance = tolerance_of(task, found.labels)
    beyond = 100 * stats.churn_matrix(found.predicted, tolerance)
    for row in distance_rows("churn", "percent", beyond, seed_set):
        yield row | {"note": f"share of predictions that differ by more than {tolerance:.3g}"}
    yield from run_churn_rows(beyond, numbers, seed_set)
    spread = stats.pooled_spread(predicted, seed_set).mean()
    yield metric_row("prediction_std_mean", "unit of the labels", float(spread))
    if all(replicate.has("weights") for replicate in replicates):
        yield from weight_rows(replicates, seed_set)


def token_rows(logits: Sequence[Any], labels: Array, numbers: Array, seed_set: Array) -> Iterator[Row]:
    """Yield rows with the bits per token of each replicate, their mean and their spread.

    Parameters
    ----------
    logits : sequence of (tokens, vocabulary)
        The logits of each replicate, which may stay on disk.
    labels : (tokens,)
        The token that follows each.
    numbers, seed_set : (replicates,)
        The number and the seed set of each replicate.
    """
    bits = np.array([_bits_per_token(stored, labels) for stored in logits])
    yield from spread_rows("bits_per_token", "bits", bits, numbers, seed_set)


def spread_rows(metric: str, unit: str, values: Array, numbers: Array, seed_set: Array) -> Iterator[Row]:
    """Yield a row with the value of each replicate, and rows with their mean and their standard deviation."""
    for number, value in zip(numbers, values, strict=True):
        yield metric_row(metric, unit, float(value), group=f"replicate {number}")
    yield mean_row(f"{metric}_mean", values, seed_set, unit=unit)
    yield metric_row(f"{metric}_std", unit, stats.std(values, seed_set), "chi-square")


def _bits_per_token(logits: Any, labels: Array) -> float:
    total, start = 0.0, 0
    for block in blocks(logits):
        shares = stats.softmax(block)[np.arange(len(block)), labels[start : start + len(block)]]
        total -= float(np.log2(np.maximum(shares, np.finfo(np.float64).tiny)).sum())
        start += len(block)
    return total / max(start, 1) if start else math.nan
