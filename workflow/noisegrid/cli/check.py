"""Report all mistakes in a study at once, without starting Snakemake. Exit code: 0 if there are none, 1 otherwise."""

import argparse
import sys
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = "noisegrid check my_study.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_study(parser)
    arguments_of_trial(parser)


def arguments_of_trial(parser: argparse.ArgumentParser) -> None:
    """Add --import, which runs the user's own code."""
    parser.add_argument(
        "--import", action="store_true", dest="tried",
        help="also import your own networks and datasets, and train each network for one step of two examples",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Run the subcommand."""
    from noisegrid.common.escape import terminal
    from noisegrid.planning.trial import try_study
    from noisegrid.study.check import corrections, mistakes, remarks
    from noisegrid.study.resolve import load_study

    found, notes = mistakes(options.study), list[str]()
    if not found:
        study = load_study(options.study)
        notes = [*corrections(study.source), *remarks(study)]
        if options.tried:
            found, untried = try_study(study, Path(arguments.config()["datasets"]))
            notes += untried
    for line in [*(f"note: {note}" for note in notes), *found]:
        print(terminal(line), file=sys.stderr)
    name = terminal(options.study)
    if found:
        print(f"{name}: {len(found)} mistake{'s' if len(found) > 1 else ''}", file=sys.stderr)
        return 1
    replicates = sum(cell.replicates for cell in study.cells)
    print(f"{name}: no mistakes; {len(study.cells)} cells, {replicates} replicates")
    return 0
