"""Measure how much runs of the same method differ, and whether they look independent.

The commonest mistake is a seed that does nothing. Identical results under different seeds, runs that occur twice, and
results that depend on the order of the runs are reported as suspicious. The exit code is then 4, otherwise 0. It is 6
if the runs cannot be judged.
"""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from noisegrid.cli import arguments

if TYPE_CHECKING:
    from noisegrid.gating.floor import Floor

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
    parser.add_argument("--json", action="store_true", help="print a JSON document instead of text")


def run(options: argparse.Namespace) -> int:
    """Run the subcommand."""
    from noisegrid.common.progress import say
    from noisegrid.common.versions import FLOOR
    from noisegrid.gating.floor import floor_of
    from noisegrid.presenting import as_json
    from noisegrid.reading.runs import CannotJudge
    from noisegrid.reading.sides import read_side

    try:
        found = floor_of(read_side(options.paths, arguments.choice(options), "the sample"), options.gains)
    except CannotJudge as why:
        if options.json:
            say(as_json.text(as_json.unjudged(why, FLOOR)).removesuffix("\n"))
        raise
    say(as_json.text(as_json.floor_document(found)) if options.json else "\n  ".join(text(found)))
    return found.exit_code


def text(found: "Floor") -> Iterator[str]:
    """Yield the lines that are printed: the noise floor, what explains it, and what was read."""
    from noisegrid.gating.floor_sentences import details
    from noisegrid.gating.sentences import what_was_read

    yield str(found)
    yield from details(found)
    yield from (f"Read: {line}." for line in what_was_read(found.read))
