"""Functions that write files atomically (no reader ever sees a partial file), format CSV text and compute checksums."""

import csv
import errno
import glob
import hashlib
import io
import math
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from noisegrid.common import escape
from noisegrid.common.errors import NoisegridError


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file atomically.

    Parameters
    ----------
    path : Path
        The path of the file. The parent folder is created if necessary.
    write : callable
        A function that takes the path of a temporary file in the same folder, and writes that file. The temporary file
        is then moved to `path`. After an error, the temporary file is deleted, and `path` is unchanged.

    Raises
    ------
    NoisegridError
        If the operating system refuses to write.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(path)
        _write_beside(path, write)
    except OSError as error:
        raise NoisegridError(f"cannot write {path}: {reason(error, path)}") from error


def _write_beside(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a temporary file in the folder of `path`, and move it there."""
    # the temporary name ends with the same suffix, because some writers choose the file format by the suffix
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink()


def _clear_leftovers(path: Path) -> None:
    """Delete the temporary files that killed processes of this host left when they wrote `path`."""
    for left in path.parent.glob(f".{glob.escape(path.stem)}.*{glob.escape(path.suffix)}"):
        number = left.name.removeprefix(f".{path.stem}.").removesuffix(path.suffix)
        if number.isdigit() and not Path(f"/proc/{number}").exists():
            left.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, in UTF-8 whatever the locale is."""
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def replace_text(path: Path, text: str) -> None:
    """Write a small text file atomically that is written again and again, into a folder that exists.

    Unlike `write_text`, it lists no folder to look for what killed processes left, and raises OSError.
    """
    _write_beside(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def reason(error: OSError, path: Path) -> str:
    """Return why the operating system refused to write `path`. If a disk is full or a folder is a file, say which."""
    # NumPy reports a full disk without a number, as "15434 requested and 10208 written"
    full = error.errno in {errno.ENOSPC, errno.EDQUOT} or (error.errno is None and "requested and" in str(error))
    no_folder = isinstance(error, FileExistsError | NotADirectoryError)
    if no_folder and not (above := nearest_existing(path.parent)).is_dir():
        return f"{above} is not a folder"
    if not full:
        return error.strerror or str(error)
    place = nearest_existing(path)
    while not place.is_mount():
        place = place.parent
    return f"the disk at {place} is full; make space and run again: nothing that is finished is lost"


def nearest_existing(path: Path) -> Path:
    """Return a path if it exists, and otherwise the nearest folder above it that does."""
    place = path.absolute()
    while not place.exists():
        place = place.parent
    return place


def npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Read the header of a .npy file, and return the shape and the type of its array, whose values follow."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def checksum_file(path: Path) -> Path:
    """Return the path of the file next to `path` that has its SHA-256, in the format of `sha256sum -c`."""
    return path.with_name(f"{path.name}.sha256")


def write_with_checksum(path: Path, text: str) -> None:
    """Write a text file atomically, and its SHA-256 next to it, so that `check_unedited` notices an edit."""
    write_text(checksum_file(path), checksum_text(path, text))
    write_text(path, text)


def checksum_text(path: Path, text: str) -> str:
    """Return the content of `checksum_file(path)` for a file with this text."""
    return f"{hashlib.sha256(text.encode()).hexdigest()}  {path.name}\n"


def check_unedited(path: Path, required: bool = True) -> None:
    """Check a file that was written by `write_with_checksum`.

    Parameters
    ----------
    path : Path
        The file.
    required : bool
        Whether the file must have its checksum next to it. A file that was copied alone out of the results need not.

    Raises
    ------
    NoisegridError
        If the file is not the one that was written, or if its checksum is required and missing.
    """
    stated = checksum_file(path)
    if not path.exists() or not (required or stated.exists()):
        return
    if not stated.exists():
        problem = f"may not be as noisegrid wrote it: its checksum {stated.name} is missing"
    elif stated.read_text(encoding="utf-8").partition(" ")[0] != sha256(path):
        problem = f"is not as noisegrid wrote it: its SHA-256 is not the one in {stated.name}"
    else:
        return
    raise NoisegridError(f"{path} {problem}; delete {path} and run Snakemake, which computes it again")


def csv_text(rows: Iterable[dict[str, Any]], columns: Sequence[str], digits: int = 9) -> str:
    """Return rows as CSV text.

    Parameters
    ----------
    rows : iterable of dict
        The rows. Each row maps column names to values. Keys that are not in `columns` are left out.
    columns : sequence of str
        The columns, in order. A missing or NaN value becomes an empty field.
    digits : int
        The number of significant digits in floating-point numbers.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _field(value, digits) for key, value in row.items()} for row in rows)
    return text.getvalue()


def _field(value: Any, digits: int) -> Any:
    if isinstance(value, float | np.floating):
        return "" if math.isnan(value) else f"{value:.{digits}g}"
    return escape.spreadsheet(value) if isinstance(value, str) else value


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def short_digest(text: str) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
