"""Compare the pairs of methods that a study names with the key `versus`, and write the rows of metrics.csv."""

import argparse
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = (
    "noisegrid compare-methods results/mine/design.json --chunks results/mine/chunks/cpu/0-9.json --output versus.csv"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_design(parser)
    arguments.add_chunks(parser)
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of all results")
    parser.add_argument("--output", type=Path, required=True, help="the CSV to write")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.common.files import write_with_checksum
    from noisegrid.measuring.replicates import load_replicates
    from noisegrid.measuring.rows import Row, csv_of
    from noisegrid.measuring.versus import compare
    from noisegrid.study import design

    study, rows = design.read(options.design), list[Row]()
    for versus in study.versus:
        first, second = (study.cell(versus.hardware, task, versus.noise) for task in (versus.a, versus.b))
        a, b = (load_replicates(cell, options.chunks, options.results)[0] for cell in (first, second))
        rows += compare(versus, (first, a), (second, b))
    write_with_checksum(options.output, csv_of(rows))
