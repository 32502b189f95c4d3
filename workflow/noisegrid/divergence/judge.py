"""Run both sides, find the step at which they part, trace this step, and measure how far the first operation is apart.

Each side is first run with the operations of step 0. If the states first differ later, both are run again, and the step
before that difference is traced. Once an operation is found, both are run up to it once more, and its values are
compared in full. A run that does not repeat itself cannot be judged. This module imports no PyTorch.
"""

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from noisegrid.common import escape
from noisegrid.common.commands import python_environment
from noisegrid.common.errors import NoisegridError
from noisegrid.divergence import trace
from noisegrid.divergence.compare import INSIDE, Cause, Comparison, compare
from noisegrid.divergence.request import Request, values_path
from noisegrid.divergence.trace import Trace
from noisegrid.divergence.ulp import distance

#: The kinds of a cause whose values are compared in full.
MEASURED = ("output", INSIDE)


class CannotJudge(NoisegridError):
    """Raised when two runs cannot be compared."""

    exit_code = 6


def recorded(request: Request) -> Trace:
    """Run one side in a process of its own, and return its trace. Its output is that of `request`, if it has one.

    Raises
    ------
    CannotJudge
        If the side fails.
    """
    if importlib.util.find_spec("torch") is None:
        raise CannotJudge("this environment has no PyTorch, which runs need; traces can be compared without it")
    if sys.stderr.isatty():
        print(f"running {_words(request)} …", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(request.output or f"{folder}/side.trace")
        done = subprocess.run(
            [sys.executable, "-m", "noisegrid.divergence.side"],
            input=replace(request, output=str(path)).to_json(),
            env=python_environment(),
            stdout=subprocess.DEVNULL,  # what the user's code prints is no part of the result
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            raise CannotJudge(lines[-1] if lines else f"{request.subject.name} ended with status {done.returncode}")
        return trace.read(path)


def _words(request: Request) -> str:
    """Return what is run, such as `resnet18-digits (threads=2), 20 steps`."""
    changes = f" ({', '.join(request.subject.changes)})" if request.subject.changes else ""
    return escape.terminal(f"{request.subject.name}{changes}, {request.steps} step{'s' * (request.steps > 1)}")


def judged(a: Request, b: Request) -> tuple[Comparison, Trace, Trace]:
    """Run both sides, and again as long as this tells more (see the module).

    Raises
    ------
    CannotJudge
        If a side fails, or does not repeat itself.
    """
    traces = recorded(a), recorded(b)
    found = compare(*traces)
    step = found.state.step - 1 if found.state else a.step
    if found.cause is None and step not in (-1, a.step):
        a, b = replace(a, step=step), replace(b, step=step)
        again = recorded(a), recorded(b)
        for before, after in zip(traces, again, strict=True):
            _check_repeats(before, before.states, after.states)
        found, traces = compare(*again), again
    if found.cause and found.cause.kind in MEASURED:
        found = replace(found, cause=_measured(found.cause, (a, b), traces))
    return found, *traces


def _measured(cause: Cause, sides: tuple[Request, Request], traces: tuple[Trace, Trace]) -> Cause:
    """Run both sides up to the cause, and return it with the distances of all its values."""
    with tempfile.TemporaryDirectory() as folder:
        bits = []
        for number, (side, before, place) in enumerate(zip(sides, traces, cause.places, strict=True)):
            output = f"{folder}/{number}.trace"
            again = recorded(replace(side, steps=side.step + 1, whole=place, output=output))
            assert place is not None
            _check_repeats(before, before.operations[: place + 1], again.operations[: place + 1])
            with np.load(values_path(output)) as stored:
                bits.append(dict(stored))
    assert cause.a and cause.b
    what, values = ("input", "inputs") if cause.kind == INSIDE else ("output", "outputs")
    distances = []
    for number, pair in enumerate(zip(getattr(cause.a, values), getattr(cause.b, values), strict=False)):
        name = f"{what} {number}"
        if all(name in one for one in bits):  # the values are missing if memory ran out
            distances.append(distance(bits[0][name], bits[1][name], *pair))
    return replace(cause, distances=tuple(distances) or cause.distances)


def _check_repeats(trace: Trace, before: Sequence[object], after: Sequence[object]) -> None:
    """Check that a side that was run again is equal to what it was.

    Raises
    ------
    CannotJudge
        If it is not.
    """
    if before != after:
        raise CannotJudge(
            f"{trace.about['subject']} does not repeat itself: two runs with the same seeds and switches differ, "
            "so no operation can be named; hold its randomness first"
        )
