"""Measure how much runs of the same method differ, and whether they look independent.

The commonest mistake is a seed that does nothing. Identical results under different seeds, runs that occur twice, and
results that depend on the order of the runs are reported as suspicious. The exit code is then 4, otherwise 0. It is 6
if the runs cannot be judged.
"""

import argparse

from noisegrid.cli import arguments

EXAMPLE = "noisegrid floor runs.csv --metric accuracy"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("paths", metavar="RUNS", nargs="+", help="files or folders; - is the standard input")
    arguments.add_choice(parser)
    parser.add_argument(
        "--gain",
        metavar="GAIN",
        type=float,
        action="append",
        dest="gains",
        help="a gain to plan for, in the unit of the metric; repeatable (default: 0.1, 0.3 and 1 percentage points)",
    )


def run(options: argparse.Namespace) -> int:
    """Run the subcommand."""
    from noisegrid.common.progress import say
    from noisegrid.gating.floor import floor_of
    from noisegrid.gating.floor_sentences import details
    from noisegrid.gating.sentences import what_was_read
    from noisegrid.reading.sides import read_side

    found = floor_of(read_side(options.paths, arguments.choice(options), "the sample"), options.gains)
    read = (f"Read: {line}." for line in what_was_read(found.read))
    say("\n  ".join([str(found), *details(found), *read]))
    return found.exit_code
