"""Run a study: call Snakemake with the workflow of this installation, in the current folder.

Everything after `--` is passed to Snakemake. Results, datasets and container images are written to the current folder,
unless the config says otherwise.
"""

import argparse

from noisegrid.cli import arguments

EXAMPLE = "noisegrid run quick -- --cores 2 --sdm apptainer"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_study(parser, optional=True)
    parser.add_argument("options", nargs="*", metavar="-- OPTION", help="options and targets of Snakemake")


def run(options: argparse.Namespace) -> int:
    """Run the subcommand."""
    from noisegrid.planning.run import run_workflow

    return run_workflow(options.study, options.options)
