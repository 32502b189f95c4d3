"""Histories: tables with a row for each step of a run, of which the last value is the result."""

from collections.abc import Sequence

import numpy as np

from noisegrid.common.escape import terminal
from noisegrid.reading.cells import is_missing, is_text, number_in
from noisegrid.reading.grouping import Group
from noisegrid.reading.naming import is_setting, may_count_steps, step_columns
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import Table
from noisegrid.reading.values import OF_A_RUN, finite, numbers, row, shortened

Array = np.ndarray
#: The fewest rows of a run in which a column is taken for a counter, and by how much its steps may differ.
_COUNTED, _UNEVEN = 10, 2


def step_column(table: Table, column: str, runs: Sequence[Group]) -> str | None:
    """Return the column that counts the steps of the runs; None if the table does not have several steps of a run.

    Parameters
    ----------
    table : Table
        The table.
    column : str
        The column of the metric.
    runs : sequence of Group
        The runs of the table.

    Raises
    ------
    CannotJudge
        If steps are no numbers, or if a column counts up and its name does not say what it counts.
    """
    for step in step_columns(table):
        if step != column and any(len(set(table[step][run.places].tolist())) > 1 for run in runs):
            _check_numbers(table, step)
            if not is_text(table[step]) and (is_setting(step) or _are_whole(table[step])):
                return step
    _check_counters(table, column, runs)
    return None


def _check_numbers(table: Table, step: str) -> None:
    """Raise CannotJudge if steps are texts of which one begins with a digit, such as 1,000."""
    cells = table[step]
    if not is_text(cells) or not is_setting(step) or not any(str(cell).strip()[:1].isdigit() for cell in cells):
        return
    texts = [str(cell).strip() for cell in cells]
    place = next((place for place, text in enumerate(texts) if text and number_in(text) is None), 0)
    raise CannotJudge(
        f"{row(table, place)}: {shortened(texts[place])!r} in column {terminal(step)!r} is no step; write steps with "
        "digits alone"
    )


def _are_whole(cells: Array) -> bool:
    return bool(np.all(np.ma.compressed(cells) == np.round(np.ma.compressed(cells).astype(float))))


def _check_counters(table: Table, column: str, runs: Sequence[Group]) -> None:
    """Raise CannotJudge if a column counts up evenly in the rows of a run, which may then be its steps."""
    for name, cells in table.columns.items():
        if name == column or is_text(cells) or not may_count_steps(name) or is_missing(cells).any():
            continue
        for run in runs:
            risen = np.diff(np.asarray(cells[run.places], float))
            if len(run.places) >= _COUNTED and risen.min() > 0 and risen.max() <= _UNEVEN * risen.min():
                raise CannotJudge(
                    f"column {terminal(name)!r} of {terminal(table.origin)} counts up from row to row; if the rows are "
                    "the steps of one run, name it `step`; if each row is a run, add a column `run`"
                )


def last_values(table: Table, column: str, metric: str, step: str, runs: Sequence[Group]) -> tuple[list[float], str]:
    """Return the last value of each run that is not empty, and what these values are.

    Parameters
    ----------
    table : Table
        The table.
    column, metric, step : str
        The column of the metric, the name of the metric, and the column of steps.
    runs : sequence of Group
        The runs of the table.

    Raises
    ------
    CannotJudge
        If a run has no value or one that is not finite, or if it has several values at the same step.
    """
    steps, empty = _steps(table, step), np.ma.getmaskarray(numbers(table, column))
    last = [_last(run, steps, empty, f"{terminal(metric)} of {terminal(run.name)}", terminal(step)) for run in runs]
    values = finite(table.at(np.array(last)), column, metric, OF_A_RUN)
    ends = f"{steps[last].min():g}", f"{steps[last].max():g}"
    when = ends[0] if ends[0] == ends[1] else " to ".join(ends)
    return list(map(float, values)), f"last value of column {column!r}, at {step} {when}"


def _last(run: Group, steps: Array, empty: Array, what: str, step: str) -> int:
    """Return the row that has the last value of a run."""
    places = run.places[~empty[run.places]]
    if not len(places):
        raise CannotJudge(f"there is no {what}: all its rows are empty; {OF_A_RUN}")
    values, counts = np.unique(steps[places], return_counts=True)
    if counts.max() > 1:
        raise CannotJudge(
            f"there are {counts.max()} values of the {what} at {step} {values[counts.argmax()]:g}; name the column "
            "that tells runs apart `run`, or choose rows with --where"
        )
    return int(places[steps[places].argmax()])


def _steps(table: Table, column: str) -> Array:
    """Return the steps of all rows; a row without a step comes before all others."""
    return np.ma.filled(np.ma.MaskedArray(table[column], dtype=float), -np.inf)
