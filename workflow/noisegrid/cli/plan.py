"""Show what a study would submit, and what it would cost: replicates, jobs and device-hours."""

import argparse

from noisegrid.cli import arguments

EXAMPLE = "noisegrid plan paper"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_study(parser, optional=True)


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.planning.plan import make, summary

    config = arguments.config()
    print(summary(make(config | {"study": options.study or config["study"]})))
