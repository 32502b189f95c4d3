"""Compare the designs, replicates and numbers of two packages, for example from two labs. Writes a table and a figure.

The exit code is 1 if the packages contradict each other: if replicates with equal weights have other predictions, or if
all runs of a cell are equal and its numbers are not. It is 0 otherwise, also where the numbers of two labs differ.
"""

import argparse
from pathlib import Path

EXAMPLE = "noisegrid compare mine.crate.zip yours.crate.zip --output compared"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("first", type=Path, metavar="FIRST", help="a package")
    parser.add_argument("second", type=Path, metavar="SECOND", help="the package to compare with the first")
    parser.add_argument("--output", type=Path, required=True, help="folder for the table and the figure")


def run(options: argparse.Namespace) -> int:
    """Run the subcommand."""
    from noisegrid.crate.compare import compare

    return compare(options.first, options.second, options.output)
