"""Compare two CSV files field by field, and describe each difference in a sentence."""

import csv
import io
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

#: Numbers count as equal up to this relative or absolute difference, because library versions round differently.
TOLERANCE = 1e-6

Rows = dict[tuple[str, ...], dict[str, str]]
Excuse = Callable[[dict[str, str]], bool] | None


def rows_of(text: str, keys: Sequence[str]) -> Rows:
    """Return the rows of a CSV as a dictionary, keyed by the values of the key columns.

    If several rows have the same key, a number is added to the key of the second and every later row.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    found: Rows = {}
    for row in csv.DictReader(io.StringIO(text)):
        key = tuple(row.get(name) or "" for name in keys)
        seen[key] += 1
        found[key if seen[key] == 1 else (*key, f"({seen[key]})")] = row
    return found


def words_of(text: str) -> list[str]:
    """Return the names of those columns of a CSV in which at least one field is a text, not a number.

    The values in all these columns together serve as the key of a row.
    """
    reader = csv.DictReader(io.StringIO(text))
    words = {name for row in reader for name in row if name and row[name] and not _is_number(row[name])}
    return [name for name in reader.fieldnames or [] if name in words]


def differences(packaged: str, again: str, keys: Sequence[str], where: str, excused: Excuse = None) -> Iterator[str]:
    """Yield a sentence for each difference between a CSV in the crate and the same CSV computed again.

    Parameters
    ----------
    packaged : str
        The text of the CSV in the crate.
    again : str
        The text of the CSV computed again.
    keys : sequence of str
        The columns that together identify a row.
    where : str
        The name of the file, used at the start of each sentence.
    excused : callable, optional
        A function that takes a row of the CSV in the crate, and returns whether to leave it out of the comparison.
    """
    # the headers are compared first, because CSV readers differ in how they treat two columns with the same name
    columns = [next(csv.reader(io.StringIO(text)), []) for text in (packaged, again)]
    if columns[0] != columns[1]:
        yield f"{where} has the columns {', '.join(columns[0])}, but should have {', '.join(columns[1])}"
        return
    rows = rows_of(packaged, keys)
    if excused is not None:
        rows = {key: row for key, row in rows.items() if not excused(row)}
    yield from _row_differences(rows, rows_of(again, keys), where)


def _row_differences(packaged: Rows, again: Rows, where: str) -> Iterator[str]:
    for key in [key for key in packaged if key not in again]:
        yield f"{where}: {_name(key)} is in the crate, but is not computed again"
    for key in [key for key in again if key not in packaged]:
        yield f"{where}: {_name(key)} is computed, but is not in the crate"
    for key in [key for key in packaged if key in again]:
        old, new = packaged[key], again[key]
        for column in dict.fromkeys([*old, *new]):
            if not same(old.get(column), new.get(column)):
                stated, comes = old.get(column), new.get(column)
                yield f"{where}: {_name(key)}: {column} is {stated} in the crate, but is computed as {comes}"


def same(old: str | None, new: str | None) -> bool:
    """Return whether two fields have equal text or are numbers that agree within TOLERANCE."""
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
