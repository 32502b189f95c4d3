"""Print the findings of a study and the paths of its results."""

import argparse

from noisegrid.cli import arguments

EXAMPLE = "noisegrid summary quick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_study(parser, optional=True)
    arguments.add_results(parser)


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.reporting.summary import summary
    from noisegrid.study.resolve import load

    study, results = arguments.chosen(options)
    print(summary(results / load(study).name))
