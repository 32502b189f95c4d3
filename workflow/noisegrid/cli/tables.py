"""Write the tables of a study, each as CSV, Markdown, LaTeX and HTML."""

import argparse
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = "noisegrid tables --metrics results/quick/metrics.csv --output tables"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_metrics(parser)
    parser.add_argument("--output", type=Path, required=True, help="folder to write the tables into")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.reporting.tables import write_all

    write_all(options.metrics, options.overhead, options.output)
