"""Evaluate the reference and every condition, each in a process of its own, and find what each condition changes."""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.common import escape
from noisegrid.divergence.compare import aligned, first_cause
from noisegrid.divergence.judge import CannotJudge
from noisegrid.invariance.conditions import Condition, conditions
from noisegrid.invariance.measure import Change, measured
from noisegrid.invariance.processes import in_process
from noisegrid.invariance.side import DOES_NOT_REPEAT, Answer, answer
from noisegrid.invariance.subjects import Subject, prepare
from noisegrid.runtime import machine


@dataclass(frozen=True)
class Findings:
    """What every condition changes.

    Attributes
    ----------
    subject : Subject
        What was evaluated.
    reference : Condition
        The condition with which all others are compared.
    changes : tuple of Change
        What each condition changes, in the order of the conditions.
    device, software : dict
        Where it was evaluated.
    """

    subject: Subject
    reference: Condition
    changes: tuple[Change, ...]
    device: dict[str, Any]
    software: dict[str, Any]

    @property
    def changed(self) -> tuple[Change, ...]:
        """The conditions under which at least one example has other logits."""
        return tuple(change for change in self.changes if change.logits.any())


def judged(subject: Subject, sizes: Sequence[int], threads: Sequence[int]) -> Findings:
    """Evaluate a subject under all conditions.

    Raises
    ------
    CannotJudge
        If an evaluation fails, or if the reference does not repeat itself.
    """
    flags = subject.flags()
    reference, *others = conditions(sizes, threads, flags)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prepared.pt"
        _say(f"{subject.name}: {'preparing' if subject.is_stored() else 'training again from the record'}")
        in_process(prepare, subject, flags, path)
        _say(f"{subject.name}: {reference.words}")
        first = in_process(answer, subject, path, reference, None)
        answers = []
        for number, condition in enumerate(others, 1):
            _say(f"{subject.name}: condition {number} of {len(others)}, {condition.words}")
            answers.append(in_process(answer, subject, path, condition, first.logits))
        traced = sorted({example for found in answers for example in found.operations})
        _say(f"{subject.name}: the reference again")
        again = in_process(answer, subject, path, reference, None, traced)
    if not np.array_equal(first.logits.bits, again.logits.bits):
        raise CannotJudge(f"{subject.name}: {DOES_NOT_REPEAT}")
    changes = tuple(_change(*pair, again) for pair in zip(others, answers, strict=True))
    software = {key: value for key, value in machine.software().items() if key != "packages"}
    return Findings(subject, reference, changes, machine.device("cpu"), software)


def _change(condition: Condition, found: Answer, reference: Answer) -> Change:
    cause = None
    for example, operations in found.operations.items():
        cause, _ = first_cause(aligned(reference.operations[example], operations), changed=True)
    return measured(condition, reference.logits, found.logits, cause)


def _say(text: str) -> None:
    """Print a progress line, if somebody watches."""
    if sys.stderr.isatty():
        print(f"{escape.terminal(text)} …", file=sys.stderr, flush=True)
