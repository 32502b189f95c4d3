"""Set aside the replicates of a study that are missing or damaged, so that the next run trains them again.

Compares every file of every replicate with its checksum. All other replicates are kept.
"""

import argparse

from noisegrid.cli import arguments

EXAMPLE = "noisegrid repair quick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_study(parser, optional=True)
    arguments.add_results(parser)


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.common.paths import StudyPaths
    from noisegrid.records.damage import set_aside
    from noisegrid.study.resolve import load_written

    name, results = arguments.chosen(options)
    study = load_written(name, results)
    folder = StudyPaths(str(results), study.name).folder
    found = set_aside(study, results)
    for one in found:
        print(f"{one.folder} {one.why}")
    if found:
        print(f"{len(found)} replicates of {folder} will be trained again; now run Snakemake as before")
    else:
        print(f"no replicate in {folder} is missing or damaged")
