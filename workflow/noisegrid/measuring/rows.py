"""The rows of metrics.csv."""

import math
from typing import Any

import numpy as np

from noisegrid import stats
from noisegrid.common.files import csv_text
from noisegrid.stats import Estimate

Array = np.ndarray
Row = dict[str, Any]
#: Columns of metrics.csv. `unit` applies to `value`, `low`, `high`, `error` and `null_*`. Fields that do not apply are
#: empty. `error` and `freedom` are the standard error and its degrees of freedom. `p` is the share of the null that is
#: at least as large as the value. `note` says what a reader must know about the number.
COLUMNS = (
    "study", "hardware", "task", "noise", "metric", "group", "unit", "value", "low", "high", "interval", "error",
    "freedom", "null_median", "null_low", "null_high", "p", "n_replicates", "seed_sets", "n_pairs", "n_examples",
    "device", "versions", "without_batch_norm", "note", "schema",
)  # fmt: skip


def csv_of(rows: list[Row]) -> str:
    """Return rows of metrics as CSV with the columns COLUMNS."""
    return csv_text(rows, COLUMNS)


def metric_row(
    metric: str,
    unit: str,
    value: float | Estimate,
    interval: str = "",
    group: str = "all",
    n_pairs: int | None = None,
    note: str = "",
) -> Row:
    """Return one row of metrics.csv, without the columns that have the same value in all rows of a cell.

    Parameters
    ----------
    metric, unit : str
        Name and unit of the metric.
    value : float or Estimate
        The value, or the value with its interval.
    interval : str
        Name of the method of the interval. Written only if `value` has an interval; otherwise the column stays empty.
    group : str
        The class, sub-group or replicate that the row is about; `all` if the row is about the whole cell.
    n_pairs : int, optional
        Number of pairs of replicates over which the value is averaged.
    note : str
        What a reader must know about the number, such as why it is undefined.
    """
    estimate = value if isinstance(value, Estimate) else Estimate(value, math.nan, math.nan)
    if unit == "percent":  # Student's t interval can reach beyond the range of a percentage
        low, high = (float(np.clip(end, 0, 100)) for end in (estimate.low, estimate.high))  # NaN stays NaN
        estimate = estimate._replace(low=low, high=high)
    how = "" if math.isnan(estimate.low) else interval
    if estimate.low == estimate.high:
        note = note or "all values are equal, so the interval has no width"
    row: Row = {"metric": metric, "group": group, "unit": unit, "interval": how, "note": note, **estimate._asdict()}
    return row if n_pairs is None else row | {"n_pairs": n_pairs}


def mean_row(
    metric: str, values: Array, seed_set: Array, group: str = "all", unit: str = "percent", n_pairs: int | None = None
) -> Row:
    """Return a row with the mean of a metric over all replicates, and the 95 % interval of this mean."""
    estimate = stats.mean(values, seed_set)
    return metric_row(metric, unit, estimate, f"t over {units(seed_set)}", group, n_pairs=n_pairs)


def units(seed_set: Array) -> str:
    """Return what an interval treats as independent: `sets` if there are several seed sets, otherwise `runs`."""
    return "runs" if len(np.unique(seed_set)) == 1 else "sets"
