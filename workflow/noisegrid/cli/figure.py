"""Draw one figure as PDF and PNG."""

import argparse
from pathlib import Path

EXAMPLE = "noisegrid figure figure_1 --data results/quick/metrics.csv --output figure_1.pdf"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("figure", metavar="FIGURE", help="figure_1 to figure_8, figure_sources or figure_across")
    parser.add_argument("--data", type=Path, required=True, help="metrics.csv, or overhead.csv for figures 6 and 7")
    parser.add_argument("--output", type=Path, required=True, help="the PDF to write; a PNG is written beside it")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.common.errors import NoisegridError, unknown
    from noisegrid.reporting.registry import FIGURES

    if options.figure not in FIGURES:
        raise NoisegridError(unknown("figure", options.figure, FIGURES))
    from noisegrid.reporting.figures import draw

    draw(options.figure, options.data, options.output)
