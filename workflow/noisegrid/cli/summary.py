"""Print the findings of a study and the paths of its results."""

import argparse
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = "noisegrid summary quick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_study(parser, optional=True)
    arguments.add_results(parser)


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.reporting.summary import summary
    from noisegrid.study.study import load_study

    config = arguments.config()
    results = options.results or Path(config["results"])
    print(summary(results / load_study(options.study or config["study"]).name))
