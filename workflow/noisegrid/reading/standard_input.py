"""The standard input: JSON if it begins like JSON, otherwise plain numbers or a table with the names of its columns."""

import sys
from functools import lru_cache
from typing import TextIO

from noisegrid.reading import csv_tables, json_tables
from noisegrid.reading.limits import TEXT_BYTES, check_count
from noisegrid.reading.table import Table
from noisegrid.reading.texts import decoded

#: The path that stands for the standard input, and its name in messages.
PATH, NAME = "-", "the standard input"


def read() -> Table:
    """Read the standard input, whose first character that is not blank tells JSON from other text.

    Raises
    ------
    CannotJudge
        If it is empty or too large, or no table.
    """
    text = decoded(_content(sys.stdin), NAME)
    if not text.lstrip().startswith(("{", "[")):
        return csv_tables.parse(text, NAME)
    first_line = text.strip().partition("\n")[0].rstrip()
    return json_tables.parse(text, NAME, by_line=first_line.startswith("{") and first_line.endswith("}"))


@lru_cache(maxsize=1)
def _content(stream: TextIO) -> bytes:
    """Return what is in a stream. It can be read once only, and both sides may be in it, as a table with groups."""
    content = stream.buffer.read(TEXT_BYTES + 1)
    check_count(NAME, "bytes or more", len(content), TEXT_BYTES)
    return content
