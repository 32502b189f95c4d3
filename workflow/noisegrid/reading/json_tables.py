"""JSON files: one object per line, an array of objects or of numbers, or a single object with the results of a run."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from noisegrid.common.errors import why
from noisegrid.common.escape import terminal
from noisegrid.reading.cells import column
from noisegrid.reading.limits import CELLS, DEPTH, check_count
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import UNNAMED, Choice, Format, Table
from noisegrid.reading.texts import read_text

_LINES, _WHOLE = (".jsonl", ".ndjson"), (".json",)


def parse(text: str, origin: str, by_line: bool) -> Table:
    """Parse the text of a JSON file; `by_line` if each line is a value of its own."""
    check_count(origin, "values", text.count(",") + text.count("\n"), CELLS)
    name = terminal(origin)
    values = list(_lines(text, name)) if by_line else _load(text, name)
    if isinstance(values, dict):
        values = [values]
    if not isinstance(values, list) or not values:
        raise CannotJudge(f"{name} has no rows; give it an array of objects, one per row")
    if all(isinstance(value, int | float) for value in values):
        return Table(origin, {UNNAMED: column(values)})
    return table_of(values, origin)


def table_of(objects: Sequence[Any], origin: str) -> Table:
    """Return objects as the rows of a table. The values of inner objects get names such as `config.lr`.

    Raises
    ------
    CannotJudge
        If one of them is no object, or if they have no values.
    """
    for number, each in enumerate(objects, 1):
        if not isinstance(each, dict):
            raise CannotJudge(
                f"row {number} of {terminal(origin)} is no object with the values of its columns, like the others"
            )
    rows = [dict(_flat(each)) for each in objects]
    names = dict.fromkeys(name for row in rows for name in row)
    check_count(origin, "cells", len(names) * len(rows), CELLS)
    columns = {name: column([row.get(name) for row in rows]) for name in names}
    if not columns:
        raise CannotJudge(f"{terminal(origin)} has no values; give it an array of objects, one per row")
    return Table(origin, columns)


def _lines(text: str, name: str) -> Iterator[Any]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _load(line, f"line {number} of {name}")


def _load(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CannotJudge(f"{name} is damaged or no JSON ({why(error)}); was the run that wrote it stopped?") from error


def _flat(row: dict[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the single values in an object, those of inner objects with names such as `config.lr`."""
    for name, value in row.items():
        if isinstance(value, dict) and depth < DEPTH:
            yield from _flat(value, f"{prefix}{name}.", depth + 1)
        elif value is None or isinstance(value, str | int | float):
            yield f"{prefix}{name}", value


def _read(path: Path, _: Choice) -> list[Table]:
    return [parse(read_text(path), str(path), path.suffix.lower() in _LINES)]


FORMAT = Format("JSON", lambda path: path.suffix.lower() in (*_LINES, *_WHOLE) and not path.is_dir(), _read)
