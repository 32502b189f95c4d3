"""Show how far a study has progressed: finished, running, failed and damaged replicates, and the time left."""

import argparse
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = "noisegrid status quick --watch"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_study(parser, optional=True)
    arguments.add_results(parser)
    parser.add_argument("--watch", action="store_true", help="look again and again, until everything is trained")
    parser.add_argument("--deep", action="store_true", help="compare the checksums of all files, not only their sizes")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.common.escape import lines
    from noisegrid.common.paths import StudyPaths
    from noisegrid.planning.status import summary
    from noisegrid.study.resolve import load_written

    name, results = arguments.chosen(options)
    study = load_written(name, results)
    folder = Path(StudyPaths(str(results), study.name).folder).absolute()
    if options.watch and not folder.exists():
        from noisegrid.planning.live import wait_for

        if not wait_for(folder, study.name):
            return
        study = load_written(name, results)
    if not folder.exists():
        print(
            lines(
                f"{study.name}: there is no folder {folder} yet; if the study has run, call this command where it ran, "
                "or give the folder of all results with --results"
            )
        )
        return
    if options.watch:
        from noisegrid.planning.live import watch
        from noisegrid.planning.watch import Watch

        watch(Watch(study, results))
    print(lines(summary(study, results, options.deep)))
