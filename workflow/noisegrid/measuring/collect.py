"""The metrics of all cells become one metrics.csv, which is all that tables and figures ever read.

Command: python -m noisegrid.collect CELL.csv ... --output metrics.csv
"""

from pathlib import Path


def collect(paths: list[Path]) -> str:
    """Concatenate CSV files of one header."""
    headers, bodies = zip(*(path.read_text().split("\n", 1) for path in paths), strict=True)
    (header,) = set(headers)
    return f"{header}\n{''.join(bodies)}"
