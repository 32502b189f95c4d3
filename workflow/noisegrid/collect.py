"""The metrics of all cells become one metrics.csv, which is all that tables and figures ever read.

Command: python -m noisegrid.collect CELL.csv ... --output metrics.csv
"""

import argparse
from pathlib import Path

from noisegrid.basics.errors import exit_on_error
from noisegrid.basics.files import write_text


def collect(paths: list[Path]) -> str:
    """Concatenate CSV files of one header."""
    headers, bodies = zip(*(path.read_text().split("\n", 1) for path in paths), strict=True)
    (header,) = set(headers)
    return f"{header}\n{''.join(bodies)}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m noisegrid.collect", description=__doc__)
    parser.add_argument("cells", type=Path, nargs="+", help="one CSV per cell")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    write_text(options.output, collect(options.cells))


if __name__ == "__main__":
    exit_on_error(main)
