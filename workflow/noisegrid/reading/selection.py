"""Select the rows of a table that have given values in given columns."""

from collections.abc import Iterable, Sequence

import numpy as np

from noisegrid.common.escape import terminal
from noisegrid.reading.cells import is_missing, is_text
from noisegrid.reading.naming import find, unknown_of_many
from noisegrid.reading.runs import CannotJudge, seed_text
from noisegrid.reading.table import Table

Array = np.ndarray


class NothingSelected(CannotJudge):
    """No row has the value that was asked for. Another file may have it.

    Parameters
    ----------
    column, value : str
        The column, and the value that was asked for.
    known : iterable of str
        The values that occur in the column.
    """

    def __init__(self, column: str, value: str, known: Iterable[str]) -> None:
        """Write the message."""
        self.column, self.value, self.known = column, value, set(known)
        super().__init__(unknown_of_many(f"value of {terminal(column)!r}:", value, self.known))

    @classmethod
    def in_any(cls, errors: Sequence["NothingSelected"]) -> "NothingSelected":
        """Return the error that no file has the value."""
        return cls(errors[0].column, errors[0].value, set().union(*(error.known for error in errors)))


def select(table: Table, where: tuple[tuple[str, str], ...]) -> Table:
    """Return the rows of a table that have the given values.

    Parameters
    ----------
    table : Table
        The table.
    where : tuple of (str, str)
        Columns and values. Numbers are compared as numbers, so that 0.1 and 1e-1 are the same.

    Raises
    ------
    CannotJudge
        If there is no such column, or if no row has the value (NothingSelected).
    """
    for wanted, value in where:
        column = find(wanted, table, "column", "its whole name")
        cells = table[column]
        places = np.flatnonzero(_equals(cells, value.strip()))
        if not len(places):
            raise NothingSelected(column, value, set(texts(cells)) - {""})
        table = table.at(places)
    return table


def texts(cells: Array) -> list[str]:
    """Return the cells of a column as texts, empty where they have no value."""
    if is_text(cells):
        return [str(cell).strip() for cell in cells]
    return ["" if nothing else seed_text(cell) for cell, nothing in zip(cells.tolist(), is_missing(cells), strict=True)]


def _equals(cells: Array, value: str) -> Array:
    """Return where the cells of a column have a value."""
    if is_text(cells):
        return np.array([text == value for text in texts(cells)], bool)
    if cells.dtype.kind == "b":
        return np.array([text.casefold() == value.casefold() for text in texts(cells)], bool)
    try:
        return np.ma.filled(cells == float(value), False)
    except ValueError:
        return np.zeros(len(cells), bool)
