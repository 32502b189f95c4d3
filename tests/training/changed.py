"""Runs of the study quick whose recipe is another one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from noisegrid.study.resolve import load_study
from noisegrid.study.settings import Task
from noisegrid.training.replicate import run_of
from noisegrid.training.run import Run


class OfTask(Run):
    """A run whose recipe is given."""

    recipe: Task

    @property
    def task(self) -> Task:
        return self.recipe


def changed_run(task: str, flags: Mapping[str, Any] | None = None, **changes: object) -> Run:
    """Return the first run of the control of a task, with other switches and with changes of its recipe."""
    (cell,) = [cell for cell in load_study("quick").cells if (cell.task, cell.noise) == (task, "control")]
    run = run_of(cell, 0)
    made = OfTask(run.settings, run.seeds, run.flags | dict(flags or {}))
    object.__setattr__(made, "recipe", replace(run.task, **{"schedule": (), **changes}))
    return made
