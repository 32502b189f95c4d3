"""Compare the designs, numbers and bits of two packages, for example from two labs. Writes a table and a figure."""

import argparse
from pathlib import Path

EXAMPLE = "noisegrid compare mine.crate.zip yours.crate.zip --output compared"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("first", type=Path, metavar="FIRST", help="a package")
    parser.add_argument("second", type=Path, metavar="SECOND", help="the package to compare with the first")
    parser.add_argument("--output", type=Path, required=True, help="folder for the table and the figure")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.crate.compare import compare

    compare(options.first, options.second, options.output)
