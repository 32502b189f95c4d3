"""The runs of one side of a comparison, read from files and folders, or taken from values in Python."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.common.escape import terminal
from noisegrid.reading import formats, in_python, standard_input, study_cells
from noisegrid.reading.chart import unfold
from noisegrid.reading.columns import Found, runs_of
from noisegrid.reading.examples import together
from noisegrid.reading.kinds import KINDS, check_alike
from noisegrid.reading.paths import expand
from noisegrid.reading.runs import CannotJudge, Read, Runs
from noisegrid.reading.selection import NothingSelected
from noisegrid.reading.table import UNNAMED, Choice, Table


def read_side(paths: Sequence[str], choice: Choice, side: str = "this side") -> Runs:
    """Read the runs of one side.

    Parameters
    ----------
    paths : sequence of str
        Files, folders that have files of a known format, or `-` for the standard input.
    choice : Choice
        What is to be read.
    side : str
        What the side is called in messages, such as "base".

    Raises
    ------
    CannotJudge
        If a file cannot be read, or does not have what is to be read.
    """
    unselected: list[NothingSelected] = []
    return _runs(_tables(paths, choice, unselected), choice, unselected, side)


def from_values(value: Any, choice: Choice, name: str) -> Runs:
    """Take the runs of one side from a value.

    Parameters
    ----------
    value : array_like, Series, DataFrame, mapping of str to array_like, list of mappings, path, or list of paths
        One number per run; or booleans (runs, examples) that say whether each example is predicted correctly; or named
        arrays, such as `predicted` and `label`; or the rows of a table, as a DataFrame of pandas or Polars or as a list
        of mappings, with the same columns as a CSV file; or what `read_side` takes.
    choice : Choice
        What is to be taken.
    name : str
        The name of the value, for messages.

    Raises
    ------
    CannotJudge
        If the value does not have what is to be taken.
    """
    if paths := _paths(value):
        return read_side(paths, choice, name)
    tables = in_python.tables_of(value, choice, name)
    if choice.metric is None and any(UNNAMED in table.columns for table in tables):
        choice = replace(choice, metric=in_python.title(value))
    return _runs(tables, choice, [], name)


def _paths(value: Any) -> list[str]:
    """Return the paths in a value that is a path or a sequence of paths."""
    several = value if isinstance(value, list | tuple) else [value]
    return [str(path) for path in several] if all(isinstance(path, str | Path) for path in several) else []


def _tables(paths: Sequence[str], choice: Choice, unselected: list[NothingSelected]) -> Iterator[Table]:
    """Yield the tables of files, one file after the other; `unselected` collects why files have none."""
    files = [path for path in paths if path != standard_input.PATH]
    if len(paths) > len(files) + 1:
        raise CannotJudge(f"{standard_input.PATH} is {standard_input.NAME}, which can be given once")
    if len(paths) > len(files):
        yield standard_input.read()
    for path in expand(files):
        try:
            yield from formats.read(path, choice)
        except NothingSelected as error:  # another file may have the runs
            unselected.append(error)


def _runs(tables: Iterable[Table], choice: Choice, unselected: list[NothingSelected], side: str) -> Runs:
    """Put the runs of all tables of a side together; `unselected` says of files without tables why they have none."""
    found: list[tuple[str, Found]] = []
    kinds: list[Table] = []
    # replicates of noisegrid may come one by one, each from its own folder
    for table in study_cells.together([unfold(table) for table in tables], side):
        if not len(table):
            raise CannotJudge(f"{terminal(table.origin)} has no rows; did the runs that should be in it fail?")
        try:
            found.append((table.origin, runs_of(table, choice)))
            kinds.append(table)
        except NothingSelected as error:  # another file may have the rows
            unselected.append(error)
    if not found:
        raise NothingSelected.in_any(unselected) if unselected else CannotJudge("there are no runs to read")
    check_alike(kinds, KINDS, side)
    _check_metrics(found)
    _check_kinds(found)
    runs = [run for _, each in found for run in each.runs]
    names = tuple(run.name for run in runs)
    seeds = tuple(run.seed for run in runs if run.seed is not None)
    scores = [run.scores for run in runs if run.scores is not None]
    examples = together(names, scores) if scores else None
    if examples is None:
        values = np.array([run.value for run in runs], float)
    else:
        values = examples.scale * examples.scores.mean(axis=1, dtype=float)
    return Runs(values, found[0][1].metric, names, seeds if len(seeds) == len(runs) else None, examples, _read(found))


def _check_metrics(found: list[tuple[str, Found]]) -> None:
    """Raise CannotJudge if the tables do not have the same metric."""
    origin, first = found[0]
    for other, each in found[1:]:
        if each.metric != first.metric:
            raise CannotJudge(
                f"{terminal(origin)} has the metric {terminal(first.metric)!r} and {terminal(other)} has "
                f"{terminal(each.metric)!r}; choose one that all files have with --metric"
            )


def _check_kinds(found: list[tuple[str, Found]]) -> None:
    """Raise CannotJudge if some tables have test examples and others results of runs."""
    kinds = {each.runs[0].scores is None: (origin, each.what) for origin, each in found}
    if len(kinds) > 1:
        (one, of_examples), (other, of_runs) = kinds[False], kinds[True]
        raise CannotJudge(
            f"{terminal(one)} has one row per example ({terminal(of_examples)}) and {terminal(other)} has results of "
            f"runs ({terminal(of_runs)}); give one kind of both, and name the files rather than their folder"
        )


def _read(found: list[tuple[str, Found]]) -> tuple[Read, ...]:
    """Return what was read from each file, of which there may be several tables."""
    reads = dict[tuple[str, str], Read]()
    for origin, each in found:
        before = reads.get((origin, each.what), Read(origin, each.what, 0, 0))
        reads[origin, each.what] = before._replace(rows=before.rows + each.rows, runs=before.runs + len(each.runs))
    return tuple(reads.values())
