"""CSV and TSV files, and plain numbers in a text file."""

import csv
import io
import re
from pathlib import Path

from noisegrid.common.errors import why
from noisegrid.common.escape import terminal
from noisegrid.reading.cells import column, looks_like_number
from noisegrid.reading.limits import CELLS, check_count
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import UNNAMED, Choice, Format, Table
from noisegrid.reading.texts import read_text

_SUFFIXES = (".csv", ".tsv", ".txt")
#: What separates the numbers of a line; a comma does if nothing else does. And the digits of an integer.
_BETWEEN_NUMBERS, _INTEGER = re.compile(r"\s*;\s*|\s*,?\s+"), re.compile(r"\s*[+-]?[0-9]+\s*")


def parse(text: str, origin: str, delimiter: str | None = None) -> Table:
    """Parse the text of a CSV file, or of plain numbers.

    Parameters
    ----------
    text : str
        The text, which is not empty.
    origin : str
        Where it comes from, for messages.
    delimiter : str, optional
        What separates the cells; by default, the comma, semicolon or tab that is most frequent in the first line.

    Raises
    ------
    CannotJudge
        If the text is no table.
    """
    name, (first, _, others) = terminal(origin), text.strip().partition("\n")
    if not others and all(map(looks_like_number, numbers := _words(first, name))):
        return Table(origin, {UNNAMED: column(numbers)})
    delimiter = delimiter or _delimiter(first)
    check_count(origin, "cells", text.count(delimiter) + text.count("\n"), CELLS)
    header, *rows = _rows(text, delimiter, name)
    if _has_numbers_only(header):
        if len(header) > 1:
            raise CannotJudge(
                f"the first row of {name} has numbers and no names of columns; write names above them, and numbers "
                "with a decimal point"
            )
        numbers = [cell for (cell,) in (header, *rows)]
        if numbers[0].strip() == "0" and not all(map(_INTEGER.fullmatch, numbers)):
            raise CannotJudge(
                f"the first number of {name} is 0, which looks like the header that pandas writes; remove this line, "
                "or write 0.0 if it is a result"
            )
        return Table(origin, {UNNAMED: column(numbers)})
    if not rows:
        raise CannotJudge(f"{name} has names of columns and no rows; did the runs that should be in it fail?")
    return Table(origin, _columns([cell.strip() for cell in header], list(zip(*rows, strict=True)), name))


def _words(line: str, name: str) -> list[str]:
    """Return the words of a line. Where spaces or semicolons separate them, a comma in a word is a decimal comma."""
    words = _BETWEEN_NUMBERS.split(line.strip(" ,;\t"))
    if len(words) > 1 or "," not in line:
        return words
    words = words[0].split(",")
    if any(map(_INTEGER.fullmatch, words)) and all(map(looks_like_number, words)):
        raise CannotJudge(
            f"the commas of {name} may separate numbers, or be decimal commas; write numbers separated by spaces, "
            "with a decimal point"
        )
    return words


def _delimiter(line: str) -> str:
    """Return the delimiter that is most frequent in a line, outside of quotes."""
    return max(",;\t", key=re.sub(r'"[^"]*"', "", line).count)


def _rows(text: str, delimiter: str, name: str) -> list[list[str]]:
    """Return the rows of a table that are not blank; all have the same length."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if rows and row and len(row) != len(rows[0]):
                raise CannotJudge(
                    f"line {reader.line_num} of {name} has {len(row)} instead of {len(rows[0])} cells; is "
                    "the file cut off, or is there a decimal comma, or a comma in a text that is not quoted?"
                )
            if row:
                rows.append(row)
    except csv.Error as error:
        raise CannotJudge(f"line {reader.line_num} of {name} is damaged ({why(error)})") from error
    return rows


def _has_numbers_only(header: list[str]) -> bool:
    words = [word for cell in header for word in cell.replace("%", "").split()]
    return bool(words) and all(map(looks_like_number, words))


def _columns(header: list[str], cells: list[tuple[str, ...]], name: str) -> dict:
    """Return the columns that have a name. pandas writes its index, and spreadsheets empty columns, without one."""
    columns = dict[str, tuple[str, ...]]()
    for title, its_cells in zip(header, cells, strict=True):
        if title and columns.setdefault(title, its_cells) != its_cells:
            raise CannotJudge(f"{name} has two columns {terminal(title)!r} that differ; rename or remove one of them")
    return {title: column(its_cells) for title, its_cells in columns.items()}


def _read(path: Path, _: Choice) -> list[Table]:
    return [parse(read_text(path), str(path), "\t" if path.suffix.lower() == ".tsv" else None)]


FORMAT = Format("CSV", lambda path: path.suffix.lower() in _SUFFIXES and not path.is_dir(), _read)
