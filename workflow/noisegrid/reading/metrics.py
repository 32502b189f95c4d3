"""The metrics.csv of noisegrid, recognized by its header: the accuracy of each replicate of one cell."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.common import versions
from noisegrid.common.errors import NoisegridError, why
from noisegrid.crate.limits import TEXT_BYTES, check_csv, check_size
from noisegrid.reading import study_cells
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import Choice, Format, Table
from noisegrid.study.sources import holds_seeds

#: The first columns, which are the same in all versions.
HEADER = "study,hardware,task,noise,metric,group,unit,value,"
REMEDY = "give the metrics.csv that Snakemake wrote"
#: The other columns of all versions that are read.
_NEEDED = ("interval", "n_examples")
_REPLICATE = re.compile(r"replicate (0|[1-9][0-9]{0,5})")


@dataclass
class _Cell:
    """The rows of one cell: its accuracies, the number of lost replicates, and whether seed sets are unknown."""

    names: dict[str, str]
    runs: list[Table] = field(default_factory=list)
    lost: dict[str, int] = field(default_factory=dict)
    over_sets: bool = False


def recognizes(path: Path) -> bool:
    """Return whether a path is a CSV file that begins with the columns of metrics.csv."""
    if path.suffix != ".csv" or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(HEADER)) == HEADER.encode()


def read(path: Path, choice: Choice) -> list[Table]:
    """Read the accuracies of the replicates of one cell.

    Raises
    ------
    CannotJudge
        If the file is damaged or has a version that this release does not read, if replicates have no result, if there
        are several cells of which none is chosen, or if replicates share seeds.
    """
    cells = dict[tuple[str, ...], _Cell]()
    with study_cells.as_cannot_judge():
        for row in _rows(path):
            names = {name: row[name] for name in study_cells.CELL}
            cell = cells.setdefault(tuple(names.values()), _Cell(names))
            try:
                _add(row, cell, str(path))
            except (ValueError, OverflowError, ZeroDivisionError) as error:
                raise NoisegridError(f"{path} is damaged: {why(error)}; {REMEDY}") from error
        runs = [run for cell in cells.values() for run in cell.runs]
        if not runs:
            raise NoisegridError(f"{path} has no accuracy of a replicate; {REMEDY}")
        runs = study_cells.chosen(runs, choice.where, str(path))
    first = runs[0].constants
    cell = cells[tuple(first[name] for name in study_cells.CELL)]
    study_cells.check_complete(cell.names, cell.lost, choice.where)
    if cell.over_sets and "seed_set" not in first and len(runs) > 1:
        raise CannotJudge(
            f"{path}: some replicates share seeds, and this early version does not say which; write it again with "
            "this release, or judge a cell with the noise algo or algo_impl"
        )
    return runs


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file, whose author may not be trusted."""
    check_size(str(path), path.stat().st_size, TEXT_BYTES)
    check_csv(path, str(path))
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file, strict=True):
                if lacking := [name for name in _NEEDED if name not in row]:
                    raise NoisegridError(f"{path} is damaged: it has no column {' and no '.join(lacking)}; {REMEDY}")
                if None in row.values() or None in row:
                    raise NoisegridError(f"{path} is damaged: a row has another number of columns; {REMEDY}")
                version = row.get("schema", "1")
                versions.check_version(
                    int(version) if version.isdecimal() else version, versions.METRICS, str(path), also=(1, 2)
                )
                yield row
    except (ValueError, csv.Error) as error:
        raise NoisegridError(f"{path} is damaged: {why(error)}; {REMEDY}") from error


def _add(row: dict[str, Any], cell: _Cell, origin: str) -> None:
    """Add a row to what is known of a cell."""
    metric, number = row["metric"], _REPLICATE.fullmatch(row["group"])
    if metric in ("replicates_diverged", "replicates_failed"):
        cell.lost[metric.removeprefix("replicates_")] = int(float(row["value"]))
    elif metric == "accuracy_mean":
        cell.over_sets = row["interval"].endswith("over sets")
    elif metric == "accuracy" and number:
        constants = study_cells.described(cell.names, int(number[1]), int(row.get("seed_sets") or 1))
        if not row.get("seed_sets") and holds_seeds(row["noise"]):
            constants = {name: value for name, value in constants.items() if name not in ("seed_set", "repeat")}
        accuracy = _exact(float(row["value"]), int(row["n_examples"]))
        cell.runs.append(Table(origin, {"accuracy": np.array([accuracy])}, constants))


def _exact(percent: float, examples: int) -> float:
    """Return the accuracy before it was rounded to nine digits: a percentage of the examples, if it is one."""
    correct = round(percent * examples / 100)
    exact = 100 * correct / examples
    return exact if abs(exact - percent) < 1e-7 else percent


FORMAT = Format("metrics.csv of noisegrid", recognizes, read)
