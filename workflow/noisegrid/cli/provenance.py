"""Write Snakemake's own report of a study: the code, the duration and the software of every step."""

import argparse
from pathlib import Path

EXAMPLE = "noisegrid provenance --snakefile Snakefile --config '{}' --output provenance.html results/quick/findings.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("targets", nargs="+", metavar="TARGET", help="finished output files of the workflow")
    parser.add_argument("--snakefile", type=Path, required=True)
    parser.add_argument("--config", required=True, help="the workflow's config, as JSON")
    parser.add_argument("--output", type=Path, required=True, help="the HTML file to write")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.reporting.snakemake_report import write_report

    write_report(options.snakefile, options.config, options.targets, options.output)
