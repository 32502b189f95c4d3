"""Judge whether new runs are better than base runs, or whether the difference may be noise.

Reads results that exist already: one number per run, results of each test example, TensorBoard's event files, sample
logs of lm-evaluation-harness, and noisegrid's own results and packages. docs/gate.md lists all formats.

The exit code is 0 if the new runs are better, 3 if they are worse, 4 if the question is undecided, 5 if both sides are
equivalent (see --within), and 6 if the runs cannot be judged.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from noisegrid.cli import arguments
from noisegrid.common.errors import UsageError

if TYPE_CHECKING:
    from noisegrid.gating.gate import Gate
    from noisegrid.gating.question import Question
    from noisegrid.gating.spending import Ledger
    from noisegrid.reading.runs import Runs
    from noisegrid.reading.table import Choice

T = TypeVar("T")
SIDES = ("base", "new")
EXAMPLE = "noisegrid gate base.csv new.csv --metric accuracy"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    sides = parser.add_argument_group("what to compare (files or folders; - is the standard input)")
    sides.add_argument("paths", metavar="PATH", nargs="*", help="BASE and NEW or, with --group, tables with both")
    sides.add_argument("--base", metavar="PATH", nargs="+", help="the base runs, if they are in several files")
    sides.add_argument("--new", metavar="PATH", nargs="+", help="the new runs, if they are in several files")
    sides.add_argument("--group", metavar="COLUMN", help="the column that tells base and new runs apart")
    sides.add_argument("--a", metavar="VALUE", help="its value for the base runs")
    sides.add_argument("--b", metavar="VALUE", help="its value for the new runs")
    arguments.add_choice(sides)
    asked = parser.add_argument_group("what to ask (in the unit of the metric)")
    asked.add_argument("--at-least", metavar="GAIN", type=float, default=0.0, help="the smallest gain that matters")
    asked.add_argument(
        "--within", metavar="MARGIN", type=float, help="the largest difference that does not (default: --at-least)"
    )
    asked.add_argument(
        "--points", action="store_true", help="both are percentage points, also if the results are fractions"
    )
    direction = asked.add_mutually_exclusive_group()
    direction.add_argument(
        "--lower-is-better", action="store_true", default=None, help="a lower value is better, whatever the name says"
    )
    direction.add_argument(
        "--higher-is-better", action="store_false", dest="lower_is_better", help="a higher value is better"
    )
    arguments.add_confidence(asked)
    asked.add_argument("--unpaired", action="store_true", help="do not pair runs that have the same seed")
    asked.add_argument("--allow-identical", action="store_true", help="judge although two runs are identical")
    many = parser.add_argument_group("more than one try")
    many.add_argument("--tried", metavar="K", type=int, default=1, help="the new runs are the best of K variants")
    many.add_argument("--spend", metavar="FILE", type=Path, help="count the looks in this file, in a loop or in CI")
    many.add_argument("--looks", metavar="N", type=int, help="with --spend: the planned number of looks")
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="print a JSON document instead of text")
    output.add_argument("--html", metavar="FILE", type=Path, help="write a page that shows the runs and the verdict")
    output.add_argument("--markdown", metavar="FILE", type=Path, help="write a comment for a pull request")


class Asked(NamedTuple):
    """One side as it was asked for: base or new, its paths, what to read from them, its label, and if it is a group."""

    side: str
    paths: list[str]
    choice: "Choice"
    label: str
    grouped: bool = False

    def read(self) -> "Runs":
        """Read the runs."""
        from noisegrid.reading.sides import read_side

        return replace(read_side(self.paths, self.choice, self.side), label=self.label, grouped=self.grouped)


def sides(options: argparse.Namespace) -> list[Asked]:
    """Return the base and the new side."""
    from noisegrid.gating.labels import labels

    named, values = (options.base, options.new), (options.a, options.b)
    if options.group is not None:
        if None in values or not options.paths or named != (None, None):
            raise UsageError(
                "--group needs PATH, --a and --b, as in: noisegrid gate runs.csv --group method --a x --b y"
            )
        return [
            Asked(
                side, options.paths, arguments.choice(options, ((options.group, value),)), value, options.a != options.b
            )
            for side, value in zip(SIDES, values, strict=True)
        ]
    if values != (None, None):
        raise UsageError("--a and --b are values of a column; name it with --group")
    if None in named and (len(options.paths) != 2 or named != (None, None)):
        raise UsageError("name two files or folders, BASE and NEW, or several of each with --base and --new")
    if None not in named and options.paths:
        raise UsageError(f"{options.paths[0]} is neither a base nor a new run; name it after --base or --new")
    paths: list[list[str]] = [options.base, options.new] if options.base else [[path] for path in options.paths]
    if all("-" in each for each in paths):
        raise UsageError("- is the standard input, which can be one side only, or both with --group")
    return [
        Asked(side, each, arguments.choice(options), label)
        for side, each, label in zip(SIDES, paths, labels(*paths), strict=True)
    ]


def question(options: argparse.Namespace) -> "Question":
    """Return what is asked."""
    from noisegrid.gating.question import Question

    return Question(
        confidence=options.confidence,
        at_least=options.at_least,
        within=options.within,
        points=options.points,
        lower_is_better=options.lower_is_better,
        unpaired=options.unpaired,
        tried=options.tried,
        allow_identical=options.allow_identical,
    )


def ledger(options: argparse.Namespace) -> "Ledger | None":
    """Return the ledger that counts the looks, if there is one."""
    from noisegrid.gating.spending import Ledger

    if options.looks is not None and options.spend is None:
        raise UsageError("--looks is the planned number of looks that --spend counts; add --spend FILE")
    return Ledger(options.spend, options.looks) if options.spend else None


def check_outputs(options: argparse.Namespace) -> None:
    """Raise UsageError if two outputs are the same file, of which one would destroy the other."""
    first = dict[Path, str]()
    for option in ("spend", "html", "markdown"):
        path = getattr(options, option)
        if path and (other := first.setdefault(path.resolve(), option)) != option:
            raise UsageError(f"--{other} and --{option} are the same file; give each its own")


def run(options: argparse.Namespace) -> int:
    """Run the subcommand."""
    from noisegrid.common.progress import say
    from noisegrid.gating.gate import judge
    from noisegrid.presenting import as_html, as_json, as_markdown
    from noisegrid.reading.runs import CannotJudge

    check_outputs(options)
    base, new = sides(options)
    asked, looks = question(options), ledger(options)
    try:
        found = judge(base.read(), new.read(), asked, looks)
    except CannotJudge as why:
        write(options.html, as_html.unjudged, why)
        write(options.markdown, as_markdown.unjudged, why)
        if options.json:
            say(as_json.text(as_json.unjudged(why)).removesuffix("\n"))
        raise
    write(options.html, as_html.verdict_page, found)
    write(options.markdown, as_markdown.comment, found)
    shown = as_json.text(as_json.to_document(found)) if options.json else "\n  ".join(text(found))
    say(shown)  # a closed pipe, as behind `| head -1`, changes no exit code
    return found.exit_code


def write(path: Path | None, present: Callable[[T], str], answer: T) -> None:
    """Write an answer into a file if it is asked for."""
    from noisegrid.common.files import write_text

    if path:
        write_text(path, present(answer))


def text(found: "Gate") -> Iterator[str]:
    """Yield the lines that are printed: the verdict, what explains it, and what was read."""
    from noisegrid.gating.sentences import details, what_was_read

    yield str(found)
    yield from details(found)
    for name, side in (("base", found.base), ("new", found.new)):
        yield from (f"Read for {name}: {line}." for line in what_was_read(side.read))
