"""Values in Python as tables: arrays, data frames and series of pandas or Polars, mappings, and lists of mappings."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from noisegrid.common.errors import why
from noisegrid.common.escape import terminal
from noisegrid.reading import json_tables
from noisegrid.reading.arrays import tables_of_array, tables_of_arrays
from noisegrid.reading.cells import column_of
from noisegrid.reading.naming import SEEDS
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import UNNAMED, Choice, Table
from noisegrid.reading.values import OF_A_RUN

Array = np.ndarray


def tables_of(value: Any, choice: Choice, name: str) -> list[Table]:
    """Return a value as tables.

    Parameters
    ----------
    value : array_like, Series, DataFrame, mapping of str to array_like, or list of mappings
        The value.
    choice : Choice
        What is to be taken. The index of a Series or DataFrame may have the seeds, or columns that are chosen by.
    name : str
        The name of the value, for messages.

    Raises
    ------
    CannotJudge
        If the value is no table.
    """
    if hasattr(value, "columns") and hasattr(value, "__getitem__"):
        return [Table(name, _levels(value, choice) | dict(_columns(value, name)))]
    if isinstance(value, Mapping):
        return tables_of_arrays({str(key): _array(each, f"{key} of {name}") for key, each in value.items()}, name)
    if isinstance(value, list | tuple) and any(isinstance(each, Mapping) for each in value):
        return [json_tables.table_of([_plain(each) for each in value], name)]
    tables = tables_of_array(_array(value, name), name)
    if UNNAMED in tables[0].columns:
        return [Table(name, {**_levels(value, choice), **tables[0].columns})]
    return tables


def title(value: Any) -> str | None:
    """Return the name of a Series, which says what its values are; None for a value without one."""
    its_name = getattr(value, "name", None) if hasattr(value, "to_numpy") else None
    return its_name if isinstance(its_name, str) and its_name.strip() else None


def _columns(frame: Any, name: str) -> Iterator[tuple[str, Array]]:
    """Yield the columns of a DataFrame. Mappings in a column become columns, as in JSON; other objects are left out."""
    for column in frame.columns:
        try:
            cells = frame[column].to_numpy()
        except (TypeError, AttributeError) as error:
            raise CannotJudge(f"{terminal(name)} is no DataFrame of pandas or Polars; convert it to one") from error
        if cells.ndim != 1:
            raise CannotJudge(
                f"{terminal(name)} has several columns {terminal(str(column))!r}; rename or remove one of them"
            )
        if _are_cells(cells):
            yield str(column), _of_frame(cells)
        elif all(isinstance(cell, Mapping) for cell in cells):
            rows = json_tables.table_of([{str(column): _plain(cell)} for cell in cells], f"{column} of {name}")
            yield from rows.columns.items()


def _levels(value: Any, choice: Choice) -> dict[str, Array]:
    """Return the levels of the index of a pandas object that have the seeds, or that rows are chosen by."""
    index: Any = getattr(value, "index", None)
    wanted = {name.casefold() for name in (*SEEDS, choice.seed or "", *dict(choice.where))}
    names = [str(name) for name in getattr(index, "names", ())]
    return {
        name: column_of(index.get_level_values(place).to_numpy())
        for place, name in enumerate(names)
        if name.casefold() in wanted
    }


def _array(value: Any, name: str) -> Array:
    """Return a value as an array."""
    if any(map(np.ma.is_masked, value if isinstance(value, list | tuple) else [value])):
        raise CannotJudge(f"{terminal(name)} has a masked value, which is no result; {OF_A_RUN}")
    try:
        array = np.asarray(value.detach() if hasattr(value, "detach") else value)
    except (ValueError, TypeError, RuntimeError) as error:  # RuntimeError is what PyTorch raises
        raise CannotJudge(f"{terminal(name)} is no array of numbers or booleans: {terminal(why(error))}") from error
    if array.dtype.names is not None:
        raise CannotJudge(f"{terminal(name)} is a structured array; give it a mapping from its fields to arrays")
    if not _are_cells(array):
        kind = terminal(type(array.flat[0]).__name__)
        raise CannotJudge(f"{terminal(name)} has values of the type {kind}; give it numbers or booleans")
    return array


def _are_cells(array: Array) -> bool:
    """Return whether objects are single values, rather than lists or mappings."""
    try:
        return array.dtype != object or all(hash(cell) is not None for cell in array.flat)
    except TypeError:
        return False


def _of_frame(cells: Array) -> Array:
    """Return a column of a DataFrame, in which NaN stands for a missing value."""
    column = column_of(cells)
    return np.ma.masked_invalid(column) if column.dtype.kind == "f" and np.isnan(column).any() else column


def _plain(value: Any) -> Any:
    """Return mappings as dictionaries, and single values of NumPy or PyTorch as those of Python."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if value is np.ma.masked:
        return None
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value
