"""Print the findings of a study, the paths of its results, and a verdict on two of its methods."""

import argparse
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from noisegrid.cli import arguments

if TYPE_CHECKING:
    from noisegrid.study.study import Cell, Study

EXAMPLE = "noisegrid summary quick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_study(parser, optional=True)
    arguments.add_results(parser)


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.common.paths import StudyPaths
    from noisegrid.reporting.summary import summary
    from noisegrid.study.resolve import load

    study, results = arguments.chosen(options)
    resolved = load(study)
    print(summary(results / resolved.name))
    if methods := two_methods(resolved):
        paths = StudyPaths(str(results), resolved.name)
        print("", gate_of(*(paths.replicates(cell.path) for cell in methods)), sep="\n")


def two_methods(study: "Study") -> "tuple[Cell, Cell] | None":
    """Return the first two cells that differ in their task alone, and that may differ from run to run."""
    for cell in study.cells:
        for other in study.cells:
            same = (cell.hardware, cell.noise, cell.dataset) == (other.hardware, other.noise, other.dataset)
            if same and cell.task != other.task and cell.free and not cell.crossed:
                return cell, other
    return None


def gate_of(base: str, new: str) -> str:
    """Return a verdict on the runs of two cells, and the command that prints it with all that explains it."""
    from noisegrid.gating.gate import judge
    from noisegrid.gating.labels import labels
    from noisegrid.gating.question import Question
    from noisegrid.reading.runs import CannotJudge
    from noisegrid.reading.sides import read_side
    from noisegrid.reading.table import Choice

    named = labels([base], [new])
    try:
        first, second = (
            replace(read_side([path], Choice()), label=label) for path, label in zip((base, new), named, strict=True)
        )
        found = str(judge(first, second, Question()))
    except CannotJudge as why:
        found = f"cannot be judged: {why}"
    return f"{shlex.join(['noisegrid', 'gate', base, new])}\n  {found}"
