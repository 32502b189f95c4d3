"""Limits on the files that are read: their authors may not be trusted, and one slip may name a huge file."""

from pathlib import Path

from noisegrid.common.escape import terminal
from noisegrid.reading.runs import CannotJudge

#: Bytes of a file, and of a text file, whose cells take about ten times as much memory as its text.
FILE_BYTES, TEXT_BYTES = 1_000_000_000, 250_000_000
#: Cells of a table, and values of all arrays of a file.
CELLS, VALUES = 20_000_000, 500_000_000
#: Files of one side, and entries of the folders in which they are searched.
FILES, ENTRIES = 10_000, 100_000
#: Levels of objects in a JSON file or of structures in a Parquet file.
DEPTH = 10


def check_file(path: Path, limit: int = FILE_BYTES) -> None:
    """Raise CannotJudge if a path is not a regular file, or if the file is empty or has more bytes than the limit."""
    name = terminal(str(path))
    if not path.is_file():
        raise CannotJudge(f"{name} is not a regular file; name a file, or a folder of files")
    size = path.stat().st_size
    if not size:
        raise CannotJudge(f"{name} is empty; did the run that wrote it fail?")
    if size > limit:
        raise CannotJudge(f"{name} has {size:,} bytes (limit: {limit:,}); keep only what is to be compared")


def check_count(origin: str, what: str, count: int, limit: int) -> None:
    """Raise CannotJudge if there is more of something in a file or a folder than the limit."""
    if count > limit:
        raise CannotJudge(
            f"{terminal(origin)} has {count:,} {what} (limit: {limit:,}); keep only what is to be compared"
        )
