"""Concatenate the CSV files of all cells into metrics.csv, and the CSV files of all networks into overhead.csv."""

from pathlib import Path

from noisegrid.common.files import check_unedited


def collect(paths: list[Path]) -> str:
    """Concatenate CSV files, which must all have the same header, and return the text with a single header.

    Raises
    ------
    NoisegridError
        If a file was edited.
    """
    for path in paths:
        check_unedited(path)
    headers, bodies = zip(*(path.read_text().split("\n", 1) for path in paths), strict=True)
    (header,) = set(headers)
    return f"{header}\n{''.join(bodies)}"
