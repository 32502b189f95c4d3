"""Write the findings of a study as sentences."""

import argparse
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = "noisegrid findings --metrics results/quick/metrics.csv --output findings.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_metrics(parser)
    parser.add_argument(
        "--output", type=Path, required=True, help="Markdown file to write; HTML and RST files are written beside it"
    )


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.reporting.findings import write

    write(options.metrics, options.overhead, options.output)
