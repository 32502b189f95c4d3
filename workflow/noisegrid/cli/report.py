"""Write the report of a study: one HTML page with verdict, findings, figures, tables and all numbers of every cell.

The page needs no network, and reads without JavaScript. Figures are read from files, because drawing them takes longer
than writing the page.
"""

import argparse
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = (
    "noisegrid report --metrics results/quick/metrics.csv --figures results/quick/figures/*.png --output report.html"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_metrics(parser)
    for name, words in (
        ("--figures", "figures of the study, as PNG or SVG"),
        ("--inference", "evaluations under other conditions: tables and figures"),
    ):
        parser.add_argument(name, nargs="*", type=Path, default=[], metavar="FILE", help=words)
    parser.add_argument("--provenance", default="", metavar="NAME", help="name of Snakemake's report next to the page")
    parser.add_argument("--output", type=Path, required=True, help="the HTML file to write")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.reporting.metrics_frame import load_metrics
    from noisegrid.reporting.overhead_frame import load_overhead
    from noisegrid.reporting.page.write import write_page

    arguments.check_metrics(options)
    write_page(
        load_metrics(options.metrics),
        load_overhead(options.overhead) if options.overhead else None,
        options.figures,
        options.inference,
        options.provenance,
        options.output,
    )
