"""Run both sides, find the step at which they part, and trace this step.

Each side is first run with the operations of step 0. If the states first differ later, both are run again, and the step
before that difference is traced. A run that does not repeat itself cannot be judged. This module imports no PyTorch.
"""

import importlib.util
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import PACKAGE
from noisegrid.divergence import trace
from noisegrid.divergence.compare import Comparison, compare
from noisegrid.divergence.request import Request
from noisegrid.divergence.trace import Trace


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
    with tempfile.TemporaryDirectory() as folder:
        path = Path(request.output or f"{folder}/side.trace")
        paths = os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")]))
        done = subprocess.run(
            [sys.executable, "-m", "noisegrid.divergence.side"],
            input=replace(request, output=str(path)).to_json(),
            env={**os.environ, "PYTHONPATH": paths},
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            raise CannotJudge(lines[-1] if lines else f"{request.subject.name} ended with status {done.returncode}")
        return trace.read(path)


def judged(a: Request, b: Request) -> tuple[Comparison, Trace, Trace]:
    """Run both sides, and again if they part at another step than the traced one.

    Raises
    ------
    CannotJudge
        If a side fails, or does not repeat itself.
    """
    one, other = recorded(a), recorded(b)
    found = compare(one, other)
    step = found.state.step - 1 if found.state else a.step
    if found.cause or step in (-1, a.step):
        return found, one, other
    again = [recorded(replace(request, step=step)) for request in (a, b)]
    for before, after in zip((one, other), again, strict=True):
        if [state.parts for state in before.states] != [state.parts for state in after.states]:
            raise CannotJudge(
                f"{before.about['subject']} does not repeat itself: two runs with the same seeds and switches differ, "
                "so no operation can be named; hold its randomness first"
            )
    return compare(*again), again[0], again[1]
