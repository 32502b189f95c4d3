"""The trainer_state.json of the Trainer of Hugging Face transformers: the last value that a run logged of each metric.

Each checkpoint of a run has such a file, with all that was logged until then. The one with the most steps counts.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.common.escape import terminal
from noisegrid.reading.kinds import select
from noisegrid.reading.limits import TEXT_BYTES, check_file
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import Choice, Format, Table
from noisegrid.reading.visible import visible

NAME = "trainer_state.json"
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")


def recognizes(path: Path) -> bool:
    """Return whether a path is a trainer_state.json, or a folder with one in it or below it."""
    if path.is_dir():
        return next(visible(path, f"**/{NAME}"), None) is not None
    return path.name == NAME and path.is_file()


def read(path: Path, choice: Choice) -> list[Table]:
    """Read the last value of each metric of each run.

    Raises
    ------
    CannotJudge
        If a file is damaged, or if nothing was logged.
    """
    files = sorted(visible(path, f"**/{NAME}"), key=_steps) if path.is_dir() else [path]
    last = {_run(file): file for file in files}  # of the files of a run, the one with the most steps comes last
    tables = [
        Table(str(file), _last_values(file), {"run": str(run.relative_to(path)) if path in run.parents else run.name})
        for run, file in sorted(last.items())
    ]
    return select(tables, choice.where)


def _steps(file: Path) -> int:
    """Return the number of steps after which a file was written; a file outside a checkpoint is the last of its run."""
    checkpoint = _CHECKPOINT.fullmatch(file.parent.name)
    return int(checkpoint[1]) if checkpoint else 1 << 62


def _run(file: Path) -> Path:
    """Return the folder of the run that a file belongs to."""
    folder = file.parent.resolve() if file.parent == Path() else file.parent
    return folder.parent if _CHECKPOINT.fullmatch(folder.name) else folder


def _last_values(file: Path) -> dict[str, np.ndarray]:
    """Return the last value of each metric, each as an array of one number."""
    check_file(file, TEXT_BYTES)
    name = terminal(str(file))
    try:
        logged: Any = json.loads(file.read_bytes())["log_history"]
        values = {key: float(value) for entry in logged for key, value in entry.items() if _is_number(value)}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise CannotJudge(f"{name} is damaged, or still being written; copy it again, or leave out this run") from error
    if not values:
        raise CannotJudge(f"{name} has no logged values; set logging_steps or eval_strategy, or leave out this run")
    return {key: np.array([value]) for key, value in values.items()}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


FORMAT = Format("trainer_state.json of Hugging Face transformers", recognizes, read)
