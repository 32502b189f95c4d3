"""The numbers of a metric: which column has them, and what is wrong with one that is no finite number."""

import numpy as np

from noisegrid.common.escape import terminal
from noisegrid.reading.cells import are_zero_or_one, is_missing, is_text, looks_like_number, number_in, why_no_number
from noisegrid.reading.naming import CORRECT, PREDICTED, find, is_setting, listed
from noisegrid.reading.runs import UNNAMED_METRIC, CannotJudge
from noisegrid.reading.table import UNNAMED, Choice, Table

Array = np.ndarray
#: The remedies for a run, and for an example, that has no number.
OF_A_RUN = "leave out the runs that failed, on both sides alike, and say so where you report the result"
OF_AN_EXAMPLE = "give each example a score, or leave it out of all runs"
#: How many characters of a cell a message shows.
_SHOWN = 40


def metric_column(table: Table, choice: Choice, of_examples: bool = False) -> str:
    """Return the column that has the metric: the one that is wanted, or the only one that may be a result.

    Parameters
    ----------
    table : Table
        The table.
    choice : Choice
        What is to be read.
    of_examples : bool
        Whether each row is a test example. A column of booleans may then be a result too.

    Raises
    ------
    CannotJudge
        If there is no such column, or more than one.
    """
    if UNNAMED in table.columns:
        if are_zero_or_one(table[UNNAMED]):
            raise CannotJudge(
                f"{terminal(table.origin)} has zeros and ones alone; if they say which examples are predicted "
                "correctly, name their column `correct` (in an array, use booleans)"
            )
        return UNNAMED
    if choice.metric is not None:
        return find(choice.metric, table, "metric", "--metric")
    found = [
        name for name, cells in table.columns.items() if _may_be_result(name, cells, "biuf" if of_examples else "iuf")
    ]
    if len(found) == 1:
        return found[0]
    name = terminal(table.origin)
    if found:
        raise CannotJudge(
            f"{name} has several columns that may be the metric: {listed(found)}; choose it with --metric"
        )
    raise CannotJudge(f"{name} has no column of numbers that may be the metric; its columns: {listed(table)}")


def metric_name(column: str, choice: Choice) -> str:
    """Return the name of the metric in a column, without what MLflow puts before it.

    Numbers without a name have the one that is wanted.
    """
    return (choice.metric or UNNAMED_METRIC) if column == UNNAMED else column.removeprefix("metrics.")


def numbers(table: Table, column: str) -> np.ma.MaskedArray:
    """Return a column as floating-point numbers, masked where there is no value.

    Raises
    ------
    CannotJudge
        If a cell is no number.
    """
    cells = table[column]
    if not is_text(cells):
        return np.ma.MaskedArray(cells, dtype=float)
    missing = is_missing(cells)
    floats = [0.0 if nothing else number_in(str(cell)) for cell, nothing in zip(cells, missing, strict=True)]
    if None in floats:
        place = floats.index(None)
        where = "" if column == UNNAMED else f" in column {terminal(column)!r}"
        text = str(cells[place])
        raise CannotJudge(f"{row(table, place)}: {shortened(text)!r}{where} {why_no_number(text)}")
    return np.ma.MaskedArray(floats, missing, dtype=float)


def finite(table: Table, column: str, metric: str, remedy: str) -> Array:
    """Return the numbers of a metric, all of which must be finite.

    Parameters
    ----------
    table : Table
        The table.
    column, metric : str
        The column, and the name of the metric.
    remedy : str
        What to do about a number that is not finite, for the message.

    Raises
    ------
    CannotJudge
        If a cell is empty, or no finite number.
    """
    values = numbers(table, column)
    bad = np.flatnonzero(np.ma.getmaskarray(values) | ~np.isfinite(values.data))
    if len(bad):
        place = int(bad[0])
        what = "empty" if np.ma.getmaskarray(values)[place] else f"{values.data[place]:g}"
        more = f" (and {len(bad) - 1} more have none)" if len(bad) > 1 else ""
        raise CannotJudge(f"the {terminal(metric)} of {row(table, place)} is {what}{more}; {remedy}")
    return values.data


def row(table: Table, place: int) -> str:
    """Return what a row is called, such as "row 3 of base.csv"."""
    kind = "value" if UNNAMED in table.columns else "row"
    return f"{kind} {table.number(place)} of {terminal(table.origin)}"


def shortened(text: str) -> str:
    """Return the beginning of a text of unknown origin for a message."""
    return terminal(text[:_SHOWN]) + ("…" if len(text) > _SHOWN else "")


def _may_be_result(name: str, cells: Array, kinds: str) -> bool:
    """Return whether a column may be the metric: its cells are of these kinds, or are texts that should be numbers."""
    if is_setting(name) or name.casefold() in (*PREDICTED, *CORRECT[1:]):
        return False
    missing = is_missing(cells)
    if missing.all():
        return False
    if is_text(cells):
        return sum(looks_like_number(str(cell)) for cell in cells[~missing]) > (~missing).sum() / 2
    return cells.dtype.kind in kinds
