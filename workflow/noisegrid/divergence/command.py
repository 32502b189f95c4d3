"""The command `noisegrid diverge`: read or run both sides, compare them, and print the result."""

import argparse
import json
from pathlib import Path
from typing import Any

from noisegrid.common.errors import UsageError
from noisegrid.common.references import FORM
from noisegrid.divergence import judge, sentences, trace
from noisegrid.divergence.as_json import to_document
from noisegrid.divergence.compare import Comparison, compare
from noisegrid.divergence.request import MOST_OPERATIONS, Request, Subject
from noisegrid.divergence.trace import Trace

#: The exit codes: no divergence, and divergence. What cannot be judged has that of judge.CannotJudge.
SAME, DIFFERENT = 0, 3


def run(options: argparse.Namespace) -> int:
    """Run the command, and return its exit code."""
    _check_numbers(options)
    if options.figure:
        from noisegrid.divergence import figure

        figure.check_suffix(options.figure)
    subjects = subjects_of(options)
    if options.dump:
        if options.b or len(options.sides) > 1 or isinstance(subjects[0], Path):
            raise UsageError("--dump runs one side: name one record, one function or one task, and no --b")
        written = judge.recorded(_request(subjects[0], options, str(options.dump)))
        print(
            f"wrote {options.dump}: {len(written.states) - 1} steps, {len(written.operations)} operations of one step"
        )
        return SAME
    if isinstance(subjects[0], Path):
        found, a, b = read_sides(*(Path(str(path)) for path in subjects))
    else:
        found, a, b = judge.judged(*(_request(subject, options) for subject in subjects))
    print(json.dumps(to_document(found, a, b), indent=1, allow_nan=False) if options.json else shown(found, a, b))
    if options.figure:
        figure.draw(a, b, options.figure)
    return DIFFERENT if found.diverged else SAME


def subjects_of(options: argparse.Namespace) -> list[Any]:
    """Return the two sides that the command line names: both Subjects, or both paths of traces.

    Raises
    ------
    UsageError
        If the arguments do not name two sides of one kind.
    """
    sides, common = options.sides, {"datasets": str(options.datasets)}
    if options.task:
        if sides:
            raise UsageError(f"--task and {sides[0]} are two subjects; name one of them")
        common["hardware"] = options.hardware
        return [Subject("task", options.task, tuple(changes), **common) for changes in (options.a, options.b)]
    if len(sides) == 1 and FORM.fullmatch(sides[0]):
        return [Subject("step", sides[0], tuple(changes), **common) for changes in (options.a, options.b)]
    if not sides or len(sides) > 2 or (len(sides) == 1 and not options.dump):
        raise UsageError("name two records or traces, or one package.module:function, or --task with a task")
    records = [_record(Path(side)) for side in sides]
    if all(records):
        changes = (options.a, options.b)
        return [
            Subject("record", str(path), tuple(changed), **common)
            for path, changed in zip(records, changes, strict=False)
        ]
    if any(records):
        raise UsageError("one side is a record and the other is none; dump the record's trace first (--dump FILE)")
    if options.a or options.b:
        raise UsageError("--a and --b change what is run, but a trace has run already; leave them out")
    return [Path(side) for side in sides]


def _record(path: Path) -> Path | None:
    """Return the record that a path names: itself, or that of a replicate's folder; None if it names none."""
    if path.is_dir():
        path = path / "record.json"
    return path if path.name == "record.json" and path.exists() else None


def _request(subject: Subject, options: argparse.Namespace, output: str = "") -> Request:
    return Request(subject, options.steps, options.step, options.operations or MOST_OPERATIONS, output)


def _check_numbers(options: argparse.Namespace) -> None:
    if options.steps < 1:
        raise UsageError(f"--steps: {options.steps} is no number of steps; write 1 or more")
    if not 0 <= options.step < options.steps:
        raise UsageError(f"--step: {options.step} is not among the steps 0 to {options.steps - 1}; raise --steps")
    if options.operations is not None and options.operations < 1:
        raise UsageError(f"--operations: {options.operations} is no number of operations; write 1 or more")


def read_sides(first: Path, second: Path) -> tuple[Comparison, Trace, Trace]:
    """Read and compare two traces.

    Raises
    ------
    CannotJudge
        If they are of other networks, or list the operations of other steps.
    """
    a, b = trace.read(first), trace.read(second)
    names = [set(one.states[0].parts.get("weights", {})) for one in (a, b)]
    if names[0] != names[1]:
        alone = sorted(names[0] ^ names[1])[0]
        raise judge.CannotJudge(
            f"{first} and {second} are traces of other networks: only one of them has the weight {alone}; "
            "trace the same network on both sides"
        )
    found = compare(a, b)
    if a.step != b.step and found.state is None:
        raise judge.CannotJudge(
            f"{first} lists the operations of step {a.step}, and {second} those of step {b.step}; "
            "trace the same step on both sides (--step)"
        )
    return found, a, b


def shown(found: Comparison, a: Trace, b: Trace) -> str:
    """Return the result as text: a sentence, a table of operations, and what was left out."""
    lines = [sentences.sentence(found, a, b)]
    if found.differing:
        lines += ["", sentences.table(found.differing)]
    if left := max(a.left_out, b.left_out):
        lines.append(f"{left} operations at the end of step {found.traced} were not kept (--operations)")
    return "\n".join(lines)
