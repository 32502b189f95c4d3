"""Concatenate the CSV files of cells into metrics.csv, and those of networks into overhead.csv."""

from pathlib import Path


def collect(paths: list[Path]) -> str:
    """Return the concatenation of CSV files, which must all have the same header."""
    headers, bodies = zip(*(path.read_text().split("\n", 1) for path in paths), strict=True)
    (header,) = set(headers)
    return f"{header}\n{''.join(bodies)}"
