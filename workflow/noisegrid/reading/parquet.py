"""Parquet files, by pyarrow."""

from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.common.errors import why
from noisegrid.common.escape import terminal
from noisegrid.reading.cells import column, column_of
from noisegrid.reading.limits import CELLS, DEPTH, FILE_BYTES, check_count, check_file
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import Choice, Format, Table

Array = np.ndarray


def _read(path: Path, _: Choice) -> list[Table]:
    import pyarrow

    check_file(path)
    try:
        columns = _columns(path)
    except (pyarrow.ArrowException, OSError, ValueError, KeyError) as error:
        raise CannotJudge(f"{terminal(str(path))} is damaged or no Parquet file ({terminal(why(error))})") from error
    if not columns or not len(next(iter(columns.values()))):
        raise CannotJudge(f"{terminal(str(path))} has no rows; did the runs that should be in it fail?")
    return [Table(str(path), columns)]


def _columns(path: Path) -> dict[str, Array]:
    from pyarrow import types
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        metadata, fields = file.metadata, list(file.schema_arrow)
    check_count(str(path), "cells", metadata.num_rows * max(1, metadata.num_columns), CELLS)
    size = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    check_count(str(path), "bytes when unpacked", size, FILE_BYTES)
    names = [field.name for field in fields if not types.is_nested(field.type) or types.is_struct(field.type)]
    # a text that occurs in many rows is held once
    with ParquetFile(path, read_dictionary=[field.name for field in fields if types.is_string(field.type)]) as file:
        table = file.read(columns=names)
    table.validate(full=True)  # pyarrow itself trusts the indices and lengths in a file
    for _ in range(DEPTH):
        table = table.flatten()
    return {
        name: _column(table[index].combine_chunks())
        for index, name in enumerate(table.column_names)
        if not types.is_nested(table[index].type)
    }


def _column(values: Any) -> Array:
    from pyarrow import types

    kind = values.type
    if types.is_decimal(kind):
        values = values.cast("float64")
    elif types.is_dictionary(kind):
        texts = np.array([*values.dictionary.to_pylist(), None], object)
        return column(texts[values.indices.fill_null(len(texts) - 1).to_numpy(zero_copy_only=False)].tolist())
    elif not (types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind)):
        return column(values.to_pylist())
    missing = values.is_null().to_numpy(zero_copy_only=False)
    numbers = column_of(values.fill_null(False if types.is_boolean(kind) else 0).to_numpy(zero_copy_only=False))
    return np.ma.MaskedArray(numbers, missing) if missing.any() else numbers


FORMAT = Format("Parquet", lambda path: path.suffix.lower() in (".parquet", ".pq"), _read, extra="parquet")
