"""Histories: tables with a row for each step of a run, of which the last value is the result."""

from collections.abc import Sequence

import numpy as np

from noisegrid.common.escape import terminal
from noisegrid.reading.cells import is_text
from noisegrid.reading.grouping import Group
from noisegrid.reading.naming import STEPS, usual
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import Table
from noisegrid.reading.values import OF_A_RUN, finite, numbers

Array = np.ndarray


def step_column(table: Table, runs: Sequence[Group]) -> str | None:
    """Return the column that counts the steps of the runs; None if the table does not have several steps of a run."""
    step = usual(STEPS, table)
    if step is None or is_text(table[step]):
        return None
    steps = _steps(table, step)
    return step if any(len(np.unique(steps[run.places])) > 1 for run in runs) else None


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
