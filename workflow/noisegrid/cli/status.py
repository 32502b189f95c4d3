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
    from noisegrid.common.paths import StudyPaths
    from noisegrid.planning.status import summary
    from noisegrid.study.resolve import load, name_of

    study, results = arguments.chosen(options)
    if not study.endswith(".json"):
        written = Path(StudyPaths(str(results), name_of(study)).design)
        study = str(written) if written.exists() else study
    print(summary(load(study), results))
