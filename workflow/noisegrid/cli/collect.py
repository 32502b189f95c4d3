"""Concatenate the CSV files of several cells or of several timed networks into one CSV file."""

import argparse
from pathlib import Path

EXAMPLE = "noisegrid collect algo.csv impl.csv --output metrics.csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("files", type=Path, nargs="+", metavar="CSV", help="files with the same header")
    parser.add_argument("--output", type=Path, required=True, help="the CSV to write")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.common.collect import collect
    from noisegrid.common.files import write_with_checksum

    write_with_checksum(options.output, collect(options.files))
