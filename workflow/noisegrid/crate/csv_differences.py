"""Two CSV files held against each other: what differs, field by field, in words."""

import csv
import io
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

#: Numbers that differ by less than this share are the same: other versions of a library round sums differently.
TOLERANCE = 1e-6

Rows = dict[tuple[str, ...], dict[str, str]]
Excuse = Callable[[dict[str, str]], bool] | None


def rows_of(text: str, keys: Sequence[str]) -> Rows:
    """The rows of a CSV by the values of some columns; where those are equal, rows are numbered."""
    seen: Counter[tuple[str, ...]] = Counter()
    found: Rows = {}
    for row in csv.DictReader(io.StringIO(text)):
        key = tuple(row.get(name) or "" for name in keys)
        seen[key] += 1
        found[key if seen[key] == 1 else (*key, f"({seen[key]})")] = row
    return found


def words_of(text: str) -> list[str]:
    """The columns of a CSV that hold words: what a row is called."""
    rows = list(csv.DictReader(io.StringIO(text)))
    return [name for name in (rows[0] if rows else []) if any(row[name] and not _is_number(row[name]) for row in rows)]


def differences(packaged: str, again: str, keys: Sequence[str], where: str, excused: Excuse = None) -> Iterator[str]:
    """What differs between a CSV of a package and the same made again from what is behind it.

    excused: says of a row of the package whether it need not come out again.
    """
    # a column that is there twice would be read once by one reader and once by another
    columns = [next(csv.reader(io.StringIO(text)), []) for text in (packaged, again)]
    if columns[0] != columns[1]:
        yield f"{where}: has the columns {', '.join(columns[0])}, and comes out with {', '.join(columns[1])}"
        return
    rows = rows_of(packaged, keys)
    if excused is not None:
        rows = {key: row for key, row in rows.items() if not excused(row)}
    yield from _row_differences(rows, rows_of(again, keys), where)


def _row_differences(packaged: Rows, again: Rows, where: str) -> Iterator[str]:
    for key in [key for key in packaged if key not in again]:
        yield f"{where}: {_name(key)}: is in the package, and does not come out again"
    for key in [key for key in again if key not in packaged]:
        yield f"{where}: {_name(key)}: comes out, and is not in the package"
    for key in [key for key in packaged if key in again]:
        old, new = packaged[key], again[key]
        for column in dict.fromkeys([*old, *new]):
            if not same(old.get(column), new.get(column)):
                stated, comes = old.get(column), new.get(column)
                yield f"{where}: {_name(key)}: {column} is {stated} in the package, and comes out as {comes}"


def same(old: str | None, new: str | None) -> bool:
    """Whether two fields say the same: equal text, or numbers that differ by rounding alone."""
    if old == new:
        return True
    if not (_is_number(old) and _is_number(new)):
        return False
    return math.isclose(float(str(old)), float(str(new)), rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _is_number(text: str | None) -> bool:
    try:
        float(str(text))
    except ValueError:
        return False
    return True


def _name(key: tuple[str, ...]) -> str:
    return " ".join(filter(None, key)) or "a row"
