"""Write a page for each combination of task and hardware, with the metrics of its cells side by side."""

import argparse
from pathlib import Path

EXAMPLE = "noisegrid cell-pages --metrics results/quick/metrics.csv --output pages"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv of the study")
    parser.add_argument("--output", type=Path, required=True, help="folder to write the pages into")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.reporting.cell_pages import write_all

    write_all(options.metrics, options.output)
