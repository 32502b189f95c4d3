"""Compute the metrics of all cells of a task on one kind of hardware, and write them as CSV.

Each row has the number of replicates. Many rows also have a 95 % interval, or a null: the range that the metric would
have if errors on different test examples were independent.

The command fails if replicates differ in something that their cell holds fixed, such as the final weights in a control
cell. The error message names two of the replicates that differ.
"""

import argparse
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = (
    "noisegrid measure results/quick/design.json --hardware cpu --task smallcnn-digits "
    "--chunks results/quick/chunks/cpu/0-9.json --output metrics.csv"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_design(parser)
    parser.add_argument("--hardware", required=True)
    parser.add_argument("--task", required=True)
    arguments.add_chunks(parser)
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of all results")
    parser.add_argument("--output", type=Path, required=True, help="the CSV to write")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.common.files import write_with_checksum
    from noisegrid.measuring.cell import measure
    from noisegrid.measuring.replicates import check_together, load_replicates
    from noisegrid.measuring.rows import csv_of
    from noisegrid.study import design

    rows = []
    for cell in design.read(options.design).siblings(options.hardware, options.task):
        replicates, lost = load_replicates(cell, options.chunks, options.results)
        check_together(cell, replicates)
        rows += measure(cell, replicates, lost)
    write_with_checksum(options.output, csv_of(rows))
