"""Limits on what a crate may contain, because its author may not be trusted. docs/artifact.md lists them.

They keep the memory of `noisegrid verify` and `noisegrid compare` below 1 GB and their time linear in the size of the
crate. Each is far above what a study has.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError

#: The zip: number of entries, bytes of its directory (the list of entries), bytes of a name, and folders in a name.
ENTRIES, DIRECTORY_BYTES, NAME_BYTES, DEPTH = 100_000, 24_000_000, 512, 20
#: A zip that was compressed with xz: its own bytes, and the memory for decompressing it.
XZ_BYTES, XZ_MEMORY = 64_000_000, 100_000_000
#: Bytes of a JSON file, of the record of a replicate, and of all chunk files together; and levels of nesting.
JSON_BYTES, RECORD_BYTES, CHUNK_BYTES, JSON_DEPTH = 4_000_000, 1_000_000, 8_000_000, 30
#: Bytes and levels of nesting of CITATION.cff, which is YAML. It may not contain aliases.
CITATION_BYTES, CITATION_DEPTH = 64_000, 10
#: Bytes of a text file or a figure, bytes of all CSV files of a kind together, and rows and columns of a CSV file.
TEXT_BYTES, ROWS, COLUMNS = 32_000_000, 100_000, 64
#: Number of tables, figures and other files that readers see.
PRODUCTS = 2_000
#: Cells of the design, and bytes of the settings of each (as JSON).
CELLS, SETTINGS_BYTES = 300, 64_000
#: Finished replicates of a cell whose metrics are computed again, and classes, attributes or sub-groups of a dataset.
REPLICATES, CLASSES, GROUPS = 1_000, 10_000, 64
#: Combinations of sub-groups, and of the value of their attribute, that occur among the examples of a dataset.
COMBINATIONS = 1_024
#: Arrays in predictions.npz; bytes of an array other than logits, which are read a few examples at a time; and labels:
#: one for each example or, where there are attributes, one for each attribute of each example.
ARRAYS, ARRAY_BYTES, LABELS = 16, 32_000_000, 2_000_000
#: Replicates of a cell times their labels, and times their classes.
CELL_LABELS, CELL_CLASSES = 30_000_000, 1_000_000
#: Bytes of what is kept of a record, as JSON, to compute metrics again, and of all records to describe the crate again.
KEPT_BYTES, DESCRIBED_BYTES = 64_000, 32_000_000
#: Arms and rows of kernels in overhead.csv.
ARMS, KERNELS = 100, 5_000
#: Characters of a printed line, and problems that a check prints.
LINE_CHARACTERS, PROBLEMS = 2_000, 1_000

#: Suffixes of the files that are read as text.
TEXTS = (".csv", ".md", ".tex", ".html", ".rst")


def check_size(name: str, size: int, limit: int) -> None:
    """Raise NoisegridError if a file of a crate is larger than a limit in bytes."""
    if size > limit:
        raise NoisegridError(f"{name} has {size:,} bytes; a crate may have at most {limit:,} there")


def check_count(what: str, count: int, limit: int) -> None:
    """Raise NoisegridError if there is more of something than a limit; `what` names the file and the thing."""
    if count > limit:
        raise NoisegridError(f"{what}: {count:,}; a crate may have at most {limit:,}")


def check_files(folder: Path, names: Iterable[str], results: str) -> None:
    """Check the sizes of all files of an unpacked crate that are read, before any of them is read.

    Parameters
    ----------
    folder : Path
        The folder of the unpacked crate.
    names : iterable of str
        The names of all files.
    results : str
        The name of the folder with the results of the study, inside the crate.

    Raises
    ------
    NoisegridError
        If a file is too large, or if there are too many. The message names the file and the limit.
    """
    together = {f"{results}/{part}/": 0 for part in ("cells", "across", "overhead", "inference", "chunks")}
    reports = {f"{results}/report.html", f"{results}/provenance.html"}  # no command reads them
    products = 0
    for name in sorted(names):
        size = (folder / name).stat().st_size
        products += name.startswith((f"{results}/tables/", f"{results}/figures/"))
        if part := next((part for part in together if name.startswith(part)), ""):
            together[part] += size
            limit = CHUNK_BYTES if part.endswith("/chunks/") else TEXT_BYTES
            check_size(f"{part} (all files, up to {name})", together[part], limit)
        if name.endswith("/record.json"):
            check_size(name, size, RECORD_BYTES)
        elif name.startswith(f"{results}/") and name.endswith(".json"):
            check_size(name, size, JSON_BYTES)
        elif name == "code/CITATION.cff":
            check_size(name, size, CITATION_BYTES)
        elif name.startswith(f"{results}/") and name.endswith(TEXTS) and name not in reports:
            check_size(name, size, TEXT_BYTES)
            if name.endswith(".csv"):
                check_csv(folder / name, name)
        elif name.startswith(f"{results}/figures/"):
            check_size(name, size, TEXT_BYTES)
    check_count(f"{results}: files in tables/ and figures/", products, PRODUCTS)


def check_csv(path: Path, name: str) -> None:
    """Check the numbers of rows and columns of a CSV file, reading one block at a time."""
    rows = 0
    with path.open("rb") as file:
        header = file.readline(64 * COLUMNS)
        check_count(f"{name}: columns", header.count(b",") + 1, COLUMNS)
        if b'"' in header or not header.endswith(b"\n"):
            raise NoisegridError(f"{name} does not begin with a line of column names of at most {64 * COLUMNS} bytes")
        while block := file.read(1 << 20):
            rows += block.count(b"\n") + block.count(b"\r")
    check_count(f"{name}: rows", rows, ROWS)


def read_json(path: Path, name: str, limit: int = JSON_BYTES) -> Any:
    """Read a JSON file of a crate.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        The name of the file, for messages.
    limit : int
        The largest size of the file in bytes.

    Raises
    ------
    NoisegridError
        If the file is too large, is not JSON, or is nested too deeply.
    """
    check_size(name, path.stat().st_size, limit)
    deep = f"{name} is nested deeper than {JSON_DEPTH} levels, which no file of a crate is"
    try:
        document = json.loads(path.read_text())
    except RecursionError as error:
        raise NoisegridError(deep) from error
    except ValueError as error:
        raise NoisegridError(f"{name} was changed: it is not JSON ({error})") from error
    level = [document]
    for _ in range(JSON_DEPTH):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
    if level:
        raise NoisegridError(deep)
    return document
