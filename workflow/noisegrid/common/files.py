"""Writing so that nobody reads half a file, and checksums so that nobody trusts a changed one."""

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
    """Let `write` fill a temporary file beside `path`, then move it there; on an error nothing is left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # the suffix stays last: some writers choose the format by it
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
    """Some columns of rows as CSV, numbers with so many significant digits, absent values as empty fields."""
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
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
