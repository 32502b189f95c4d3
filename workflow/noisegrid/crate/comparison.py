"""Compare two crates cell by cell: their designs, their numbers, and the bits of their replicates."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from noisegrid.common import escape
from noisegrid.common.errors import NoisegridError
from noisegrid.common.escape import terminal
from noisegrid.crate.crate import Crate
from noisegrid.crate.csv_differences import TOLERANCE
from noisegrid.crate.equal_runs import runs_of
from noisegrid.reporting.figure_parts import (
    INTERVALS,
    annotate,
    draw_estimate,
    filled_and_open,
    finish,
    panels,
    stacked,
)
from noisegrid.reporting.figures_noise import MEASURES
from noisegrid.reporting.metrics_frame import load_metrics, provenance
from noisegrid.reporting.titles import hardware_title, noise_title, task_title
from noisegrid.study.sources import seed_note
from noisegrid.study.study import Cell, changed_settings

#: Each metric that is compared -> the unit of the metric.
METRICS = {
    "accuracy_mean": "percent",
    "accuracy_std": "percentage points",
    "churn": "percent",
    "crossed_std": "percentage points",
    "crossed_churn": "percent",
}
SHOWN = ("accuracy_std", "churn")
_ENDS = ("n", "value", "low", "high", "note")
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Comparison:
    """What two crates have in common.

    Attributes
    ----------
    table : pandas.DataFrame
        A row per cell and metric; see `compare_cells`.
    contradictions : list of str
        A sentence for each difference that two honest crates cannot have: other predictions of equal weights, or other
        numbers of equal runs.
    """

    table: pd.DataFrame
    contradictions: list[str]


def compare_cells(first: Crate, second: Crate) -> Comparison:
    """Compare two crates, with a row per cell and metric.

    If each crate has only one kind of hardware, cells are matched by task and noise alone, so the hardware may differ.
    If a cell exists in only one crate, the values of the other crate are empty.

    Returns
    -------
    Comparison
        In its table, `design` is `same`, or lists the settings that differ, or says that only one of the crates has the
        cell. `compared_weights` is the number of replicates that exist in both crates, `equal_weights` is the number of
        these that ended with equal weights, and `equal_predictions` is the number of the latter that also have equal
        predictions and labels. The columns `first_*` and `second_*` contain n, the value, the ends of its 95 % interval
        in `unit`, and the note on a cell with one seed set. `agree` is `yes` if the two intervals overlap, `no` if they
        do not, and empty if an interval is missing.
    """
    pair = first, second
    alone = all(len({cell.hardware for cell in crate.cells}) == 1 for crate in pair)
    cells = [{_key(cell, alone): cell for cell in crate.cells} for crate in pair]
    found = [_estimates(crate, alone) for crate in pair]
    same_code = first.writer == second.writer
    rows, contradictions = list[dict[str, Any]](), list[str]()
    for key in dict.fromkeys([*cells[0], *cells[1]]):
        mine, yours = cells[0].get(key), cells[1].get(key)
        runs = runs_of(first, mine, second, yours)
        contradictions += runs.contradictions
        design = _design(mine, yours)
        common = {
            "hardware": " × ".join(dict.fromkeys(cell.hardware for cell in (mine, yours) if cell)),
            "task": key[1],
            "noise": key[2],
            "design": design,
            "equal_weights": runs.equal,
            "compared_weights": runs.shared,
            "equal_predictions": runs.equal - len(runs.contradictions),
        }
        for metric, unit in METRICS.items():
            values = [estimates.get((key, metric), {}) for estimates in found]
            if any(values):
                rows.append(common | {"metric": metric, "unit": unit} | _both(*values))
            if all(values) and runs.all_equal and design == "same":
                where = f"{rows[-1]['hardware']}/{key[1]}/{key[2]}"
                contradictions += _unequal_numbers(where, metric, values[0], values[1], same_code)
    return Comparison(pd.DataFrame(rows), contradictions)


def _unequal_numbers(
    where: str, metric: str, mine: dict[str, Any], yours: dict[str, Any], same_code: bool
) -> Iterator[str]:
    """Yield a sentence if a number of a cell differs, although all its runs are equal.

    Other code may compute another interval, but the same value.
    """
    for end in _ENDS[: 4 if same_code else 2]:
        pair = mine[end], yours[end]
        if not (all(map(pd.isna, pair)) or math.isclose(*pair, rel_tol=TOLERANCE, abs_tol=TOLERANCE)):
            yield f"{where}: all runs end with equal weights, but {metric} ({end}) is {pair[0]:.9g} and {pair[1]:.9g}"
            return


def _key(cell: Cell, alone: bool) -> Key:
    """Return the key by which cells are matched. If `alone` (one kind of hardware per crate), it omits the hardware."""
    return ("" if alone else cell.hardware, cell.task, cell.noise)


def _estimates(crate: Crate, alone: bool) -> dict[tuple[Key, str], dict[str, Any]]:
    frame = _metrics(crate)
    rows = frame[frame["metric"].isin(METRICS) & (frame["group"] == "all")]
    return {
        (("" if alone else row.hardware, row.task, str(row.noise)), row.metric): {
            "value": row.value,
            "low": row.low,
            "high": row.high,
            "n": row.n_replicates,
            "note": seed_note(str(row.noise), row.seed_sets),
        }
        for row in rows.itertuples()
    }


def _both(mine: dict[str, Any], yours: dict[str, Any]) -> dict[str, Any]:
    """Return the estimates of the two crates as columns, and whether the two intervals overlap."""
    agree = ""
    if mine and yours:
        known = not pd.isna([mine["low"], mine["high"], yours["low"], yours["high"]]).any()
        agree = "" if not known else "yes" if mine["low"] <= yours["high"] and yours["low"] <= mine["high"] else "no"
    named = {f"{whose}_{end}": one.get(end) for whose, one in (("first", mine), ("second", yours)) for end in _ENDS}
    return named | {"agree": agree}


def _design(mine: Cell | None, yours: Cell | None) -> str:
    if mine is None or yours is None:
        return "only in the second" if mine is None else "only in the first"
    changes = changed_settings(mine.settings, yours.settings)
    return "same" if not changes else f"differs: {', '.join(changes)}"


def _metrics(crate: Crate) -> pd.DataFrame:
    """Return the content of metrics.csv; raise NoisegridError if a column that is compared does not hold numbers."""
    frame = load_metrics(Path(crate.paths.metrics))
    for column in ("value", "low", "high", "n_replicates", "n_examples"):
        if not pd.api.types.is_numeric_dtype(frame[column]) or (column[0] == "n" and frame[column].isna().any()):
            raise NoisegridError(
                f"{crate.path}: metrics.csv has something other than numbers in the column {column}; for details, run: "
                f"noisegrid verify {crate.path}"
            )
    for column in ("hardware", "task", "device", "versions"):
        frame[column] = frame[column].fillna("").astype(str).map(terminal)
    return frame


def sentences(table: pd.DataFrame) -> Iterator[str]:
    """Yield sentences that summarise the table returned by `compare_cells`."""
    cells = table.drop_duplicates(["hardware", "task", "noise"])
    same = int((cells["design"] == "same").sum())
    yield f"design:  {same} of {len(cells)} cells have the same settings"
    for cell in cells[cells["design"] != "same"].itertuples():
        yield f"  {cell.hardware}/{cell.task}/{cell.noise}: {cell.design}"
    equal, compared = cells["equal_weights"].sum(), cells["compared_weights"].sum()
    predicted = cells["equal_predictions"].sum()
    words = f"; {predicted} of these {equal} have equal predictions" if equal else ""
    yield f"weights: {equal} of {compared} shared replicates end with equal weights{words}"
    both = table[table["agree"] != ""]
    yield f"numbers: {int((both['agree'] == 'yes').sum())} of {len(both)} agree within their 95 % intervals"
    for row in both[both["agree"] == "no"].itertuples():
        mine, yours = (
            f"{value:.3g} [{low:.3g}, {high:.3g}]" + (f" ({note})" if note else "")
            for value, low, high, note in (
                (row.first_value, row.first_low, row.first_high, row.first_note),
                (row.second_value, row.second_low, row.second_high, row.second_note),
            )
        )
        where = f"{row.hardware}/{row.task}/{row.noise}"
        yield f"  {where}: {row.metric} is {mine} in the first and {yours} in the second ({row.unit})"


def draw(table: pd.DataFrame, first: Crate, second: Crate) -> Figure:
    """Draw the std of accuracy and the churn of each cell, with filled (first crate) or open (second crate) markers."""
    shown = {
        (str(task), str(hardware)): list(dict.fromkeys(part["noise"]))
        for (task, hardware), part in table[table["metric"].isin(SHOWN)].groupby(["task", "hardware"], sort=False)
    }
    titled = (
        (f"{task_title(task)}, {hardware_title(hardware)}", map(noise_title, noises))
        for (task, hardware), noises in shown.items()
    )
    blocks = stacked(titled)
    figure, axes = panels(len(SHOWN), blocks, row=0.24)
    for axis, metric in zip(axes, SHOWN, strict=True):
        data = table[table["metric"] == metric].set_index(["task", "hardware", "noise"])
        for block, (key, noises) in zip(blocks, shown.items(), strict=True):
            for place, noise in zip(block.rows, noises, strict=True):
                for whose, offset, filled in (("first", -0.17, True), ("second", 0.17, False)):
                    if (*key, noise) in data.index and pd.notna(data.loc[(*key, noise), f"{whose}_value"]):
                        row = data.loc[(*key, noise)]
                        ends = pd.Series({end: row[f"{whose}_{end}"] for end in ("value", "low", "high")})
                        draw_estimate(axis, ends, place + offset, noise, filled, null=False)
        finish(axis, MEASURES[metric], blocks)
    names = [escape.figure(crate.path.name) for crate in (first, second)]
    bases = [provenance(_metrics(crate), titled=True) for crate in (first, second)]
    words = f"First: {bases[0]}.\nSecond: {bases[1]}." if bases[0] != bases[1] else f"Both: {bases[0]}."
    annotate(figure, f"{words}{INTERVALS}", filled_and_open(f"first: {names[0]}", f"second: {names[1]}"))
    return figure
