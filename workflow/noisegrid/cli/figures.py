"""Draw figures, each as PDF, PNG and SVG, and as an SVG for phones."""

import argparse
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = "noisegrid figures figure_1 figure_3 --metrics results/quick/metrics.csv --output figures"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "figures",
        nargs="*",
        metavar="FIGURE",
        help="figure_overview, figure_1 to figure_8, figure_sources, … (default: every figure that the data allow)",
    )
    arguments.add_metrics(parser)
    parser.add_argument("--output", type=Path, required=True, help="folder to write the figures into")
    parser.add_argument("--dark", action="store_true", help="draw for a dark page")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.reporting.figures import draw_all, draw_possible

    arguments.check_metrics(options)
    files = options.metrics, options.overhead, options.output, "dark" if options.dark else "light"
    if options.figures:
        draw_all(options.figures, *files)
    else:
        for why in draw_possible(*files):
            print(f"not drawn: {why}")
