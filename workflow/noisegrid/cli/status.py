"""Show how far a study has progressed: finished, running, checkpointed and failed replicates, and the time left."""

import argparse
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = "noisegrid status quick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_study(parser, optional=True)
    arguments.add_results(parser)


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.planning.status import summary
    from noisegrid.study.study import load_study

    config = arguments.config()
    results = options.results or Path(config["results"])
    print(summary(load_study(options.study or config["study"]), results))
