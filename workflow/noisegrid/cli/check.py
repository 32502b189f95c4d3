"""Report all mistakes in a study at once, without starting Snakemake. Exit code: 0 if there are none, 1 otherwise."""

import argparse
import sys

from noisegrid.cli import arguments

EXAMPLE = "noisegrid check my_study.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_study(parser)


def run(options: argparse.Namespace) -> int:
    """Run the subcommand."""
    from noisegrid.study.check import mistakes
    from noisegrid.study.resolve import load_study

    found = mistakes(options.study)
    for line in found:
        print(line, file=sys.stderr)
    if found:
        print(f"{options.study}: {len(found)} mistake{'s' if len(found) > 1 else ''}", file=sys.stderr)
        return 1
    study = load_study(options.study)
    replicates = sum(cell.replicates for cell in study.cells)
    print(f"{options.study}: no mistakes; {len(study.cells)} cells, {replicates} replicates")
    return 0
