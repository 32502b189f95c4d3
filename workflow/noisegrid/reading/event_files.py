"""The event files of one folder, which TensorBoard reads: the last value of each scalar.

A scalar whose last value is NaN stays NaN, so that a run that diverged is noticed. The event files of a run that was
stopped and resumed are read in the order in which they were begun, and the value that was written last counts.
"""

import math
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.common.escape import terminal
from noisegrid.reading.limits import check_count
from noisegrid.reading.runs import CannotJudge

#: The most bytes of the event files of a run. TensorBoard reads a few megabytes per second.
LARGEST = 500_000_000
#: The most scalars of a run.
TAGS = 100_000
#: Bytes of a record besides the event: its length, and two checksums.
FRAME = 16
#: The time in the name of an event file, which also has the host, the process and, from PyTorch, a number.
_TIME = re.compile(r"tfevents\.(\d{1,12})(?!\d)")


@dataclass(frozen=True)
class _Scalars:
    """What one event file has: of each scalar its first and last step and value, and whether the file ends early."""

    file: Path
    began: float
    first: dict[str, tuple[int, float]]
    last: dict[str, tuple[int, float]]
    truncated: bool


def is_event_file(path: Path) -> bool:
    """Return whether TensorBoard would read a file."""
    return "tfevents" in path.name and not path.name.endswith(".profile-empty") and path.is_file()


def last_values(files: Sequence[Path]) -> dict[str, np.ndarray]:
    """Return the last value of each scalar of a run, and its last step, each as an array of one number.

    Parameters
    ----------
    files : sequence of path
        The event files of the run, all of one folder.

    Returns
    -------
    dict of str to (1,)
        The scalars by their tags; an empty dictionary if there are none.

    Raises
    ------
    CannotJudge
        If a file is damaged or ends within a record, or if the folder has several runs.
    """
    size = sum(file.stat().st_size for file in files)
    check_count(str(files[0].parent), "bytes of event files", size, LARGEST)
    scalars = sorted(map(_scalars, files), key=_order)
    for index, found in enumerate(scalars):
        later = set[str]().union(*(each.last for each in scalars[index + 1 :]))
        if found.truncated and not (found is not scalars[-1] and later.issuperset(found.last)):
            raise CannotJudge(
                f"{terminal(str(found.file))} ends within a record or is damaged: the run was stopped, or is "
                "still being written; copy the file again when it is complete, or leave out this run"
            )
    _check_one_run(scalars)
    values = {tag: value for found in scalars for tag, (_, value) in found.last.items()}
    if not values:
        return {}
    steps = [step for found in scalars for step, _ in found.last.values()]
    return {"step": np.array([max(steps)])} | {tag: np.array([value]) for tag, value in values.items()}


def _order(found: _Scalars) -> tuple[float, list[str | int]]:
    """Return when a file was begun and, for files of the same moment, its name, in which 10 comes after 9."""
    parts = re.split(r"(\d+)", found.file.name)  # texts and digits in turn
    return found.began, [int(part) if index % 2 else part for index, part in enumerate(parts)]


def _check_one_run(scalars: Sequence[_Scalars]) -> None:
    """Raise CannotJudge if an event file begins the run of an earlier one again, with other results.

    The file of a resumed run begins at a later step. That of an evaluation afterwards lacks the scalars of training.
    """
    for index, later in enumerate(scalars):
        for earlier in scalars[:index]:
            again = (
                tag
                for tag, first in earlier.first.items()
                if later.first[tag][0] <= first[0] and not _same(later.first[tag], first)
            )
            if earlier.first.keys() <= later.first.keys() and (tag := next(again, None)) is not None:
                names = f"{earlier.file.name} and {later.file.name}"
                raise CannotJudge(
                    terminal(
                        f"{later.file.parent} has several runs: {names} both begin at step {later.first[tag][0]} "
                        f"of {tag}; move the event file of each run into a folder of its own, or delete that of a run "
                        "that was started anew"
                    )
                )


def _same(first: tuple[int, float], second: tuple[int, float]) -> bool:
    return np.array_equal(first, second, equal_nan=True)


def _scalars(file: Path) -> _Scalars:
    """Read the scalars of an event file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside TensorBoard do not concern the user
        from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
        from tensorboard.compat.proto.event_pb2 import Event

        first, last = dict[str, tuple[int, float]](), dict[str, tuple[int, float]]()
        tensors, position, began = set[str](), 0, 0.0
        try:
            for record in RawEventFileLoader(str(file)).Load():
                event = Event.FromString(record)
                began = began if position else event.wall_time
                position += len(record) + FRAME
                for tag, value in _values(event, tensors):
                    first.setdefault(tag, (event.step, value))
                    last[tag] = (event.step, value)
                check_count(str(file), "scalars", len(last), TAGS)
        except CannotJudge:
            raise
        except Exception as error:  # the library may fail in any way at a damaged file
            raise CannotJudge(
                f"{terminal(str(file))} is damaged ({type(error).__name__}); copy it again, or leave out this run"
            ) from error
    if not (began > 0 and math.isfinite(began)):
        time = _TIME.search(file.name)
        began = float(time[1]) if time else 0.0
    return _Scalars(file, began, first, last, truncated=position < file.stat().st_size)


def _values(event: Any, tensors: set[str]) -> Iterator[tuple[str, float]]:
    """Yield the scalars of an event. `tensors` collects the tags of scalars that are tensors, as the first says."""
    from tensorboard.util.tensor_util import make_ndarray

    for value in event.summary.value:
        if value.HasField("simple_value"):
            yield value.tag, value.simple_value
        elif value.HasField("tensor"):
            if value.metadata.plugin_data.plugin_name == "scalars":
                tensors.add(value.tag)
            if value.tag in tensors and not value.tensor.tensor_shape.dim:
                yield value.tag, float(make_ndarray(value.tensor))
