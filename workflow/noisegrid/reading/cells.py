"""Cells of a table, which become columns of booleans, numbers or texts."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray
#: Cells without a value. NaN is not among them, because it is the result of a run that failed.
MISSING = frozenset({None, "", "NA", "N/A", "na", "n/a", "None", "none", "NULL", "Null", "null"})
_BOOLEANS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
#: A text that is made of digits and is no number: one with zeros before it, with underscores, or too long for 64 bits.
_CODE = re.compile(r"0[0-9]|[0-9]{19}|[^_]*_")


def column(cells: Sequence[Any]) -> Array:
    """Return cells as the narrowest type that holds all of them: booleans, integers, numbers or texts.

    Returns
    -------
    (cells,)
        An array of booleans or numbers, masked where a cell has no value, or of `str` objects, empty where it has none.

    Examples
    --------
    >>> column(["1", "2"]), column(["0.5", "NaN"]), column(["true", "false"])
    (array([1, 2]), array([0.5, nan]), array([ True, False]))
    >>> print(column(["0.5", ""]), column(["a", "2"]))
    [0.5 --] ['a' '2']
    """
    missing = np.fromiter(map(MISSING.__contains__, cells), bool, len(cells))
    if not missing.any():
        return _texts(cells) if (values := _typed(cells)) is None else values
    values = _typed([cell for cell in cells if cell not in MISSING])
    if values is None:
        return _texts(cells)
    masked = np.ma.MaskedArray(np.zeros(len(cells), values.dtype), missing)
    masked[~missing] = values
    return masked


def column_of(array: Array) -> Array:
    """Return an array of one dimension and of any type as a column."""
    if array.dtype.kind in "biu":
        return array
    if array.dtype.kind == "f":
        return array.astype(float, copy=False)
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    return column([None if _is_nothing(cell) else cell for cell in array.tolist()])


def _is_nothing(cell: object) -> bool:
    """Return whether an object stands for a missing value, in a column of a DataFrame that holds objects."""
    return type(cell).__name__ in {"NAType", "NaTType"} or (isinstance(cell, float) and cell != cell)


def is_missing(cells: Array) -> Array:
    """Return where the cells of a column have no value."""
    if is_text(cells):
        return np.array([not str(cell).strip() for cell in cells], bool)
    return np.ma.getmaskarray(cells)


def is_text(cells: Array) -> bool:
    """Return whether a column has texts."""
    return cells.dtype.kind in "OU"


def are_zero_or_one(cells: Array) -> bool:
    """Return whether all cells of a column are booleans, or numbers that are 0 or 1."""
    return cells.dtype.kind == "b" or (cells.dtype.kind in "iuf" and bool(((cells == 0) | (cells == 1)).all()))


def number_in(cell: str) -> float | None:
    """Return the number in a text, or None if there is none."""
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def looks_like_number(cell: str) -> bool:
    """Return whether a text is a number, although it may have a percent sign or a decimal comma."""
    return number_in(cell.strip().removesuffix("%").replace(",", ".")) is not None


def why_no_number(cell: str) -> str:
    """Return why a text is no number, and the remedy."""
    if cell.strip().endswith("%"):
        return "has a percent sign; write the number alone"
    if looks_like_number(cell):
        return "has a decimal comma; write a decimal point"
    return "is no number; correct it, or leave out the row on both sides alike"


def _typed(cells: Sequence[Any]) -> Array | None:
    """Return cells as an array of booleans or numbers; None if they are texts."""
    types = set(map(type, cells))
    if types == {str}:
        return _numbers_in(cells)
    if all(issubclass(kind, bool | np.bool_) for kind in types) and types:
        return np.array(cells, bool)
    if all(issubclass(kind, int | np.integer) for kind in types) and types:
        try:
            return np.array(cells, np.int64)
        except OverflowError:
            return None
    if all(issubclass(kind, int | float | np.number) for kind in types):
        try:
            return np.array(cells, float)
        except (OverflowError, TypeError):
            return None
    return None


def _numbers_in(cells: Sequence[str]) -> Array | None:
    """Return texts as an array of booleans or numbers; None if some are neither."""
    for convert, dtype in ((int, np.int64), (float, np.float64)):
        try:
            values = np.array(list(map(convert, cells)), dtype)
        except (ValueError, OverflowError):
            continue
        return None if any(map(_CODE.match, cells)) else values
    if all(map(_BOOLEANS.__contains__, cells)):
        return np.array([_BOOLEANS[cell] for cell in cells], bool)
    return None


def _texts(cells: Sequence[Any]) -> Array:
    """Return cells as `str` objects, which take the space of their own length, not that of the longest."""
    texts = np.empty(len(cells), object)
    texts[:] = ["" if cell is None else str(cell) for cell in cells]
    return texts
