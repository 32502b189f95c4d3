"""Compare the runs of a task that have the same seeds but were trained on different kinds of hardware."""

import argparse
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = (
    "noisegrid compare-hardware results/upgrade/design.json --task smallcnn-digits "
    "--chunks results/upgrade/chunks/*/*.json --output across.csv"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_design(parser)
    parser.add_argument("--task", required=True)
    arguments.add_chunks(parser)
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of all results")
    parser.add_argument("--output", type=Path, required=True, help="the CSV to write")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.common.files import write_with_checksum
    from noisegrid.measuring.across_hardware import compare_all
    from noisegrid.measuring.replicates import load_replicates
    from noisegrid.measuring.rows import csv_of
    from noisegrid.study import design
    from noisegrid.study.study import repeated

    study, rows = design.read(options.design), []
    for cells in repeated(study.cells, options.task):
        loaded = [(cell, load_replicates(cell, options.chunks, options.results)[0]) for cell in cells]
        rows += compare_all(loaded)
    write_with_checksum(options.output, csv_of(rows))
