"""Functions that write files atomically (no reader ever sees a partial file), format CSV text and compute checksums."""

import csv
import hashlib
import io
import math
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

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
    path.parent.mkdir(parents=True, exist_ok=True)
    # the temporary name ends with the same suffix, because some writers choose the file format by the suffix
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        write(temporary)
        temporary.replace(path)
    except OSError as error:
        raise NoisegridError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    write_atomically(path, lambda temporary: temporary.write_text(text))


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
    return value


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def short_digest(text: str) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
