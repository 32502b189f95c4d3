"""TensorBoard event files: each folder with event files is a run, and the last value of each scalar is its result.

A scalar whose last value is NaN stays NaN, so that a run that diverged is noticed. The event files of a run that was
stopped and resumed are read in the order of their names, which begin with the time, and the value that was written last
counts.

Some libraries write a run into several folders: Keras into `train` and `validation`, the `add_hparams` and
`add_scalars` of PyTorch into folders below that of the run. Such a folder is a part of the run. Where runs have several
parts, `--where part=NAME` chooses one; the folder of the run itself is the part `.`.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.common.escape import terminal
from noisegrid.reading.kinds import check_alike, select
from noisegrid.reading.limits import check_count
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import Choice, Format, Table
from noisegrid.reading.visible import visible

#: The most bytes of the event files of a run. TensorBoard reads a few megabytes per second.
LARGEST = 500_000_000
#: The most scalars of a run.
TAGS = 100_000
#: Bytes of a record besides the event: its length, and two checksums.
FRAME = 16
#: Names of folders with a part of a run.
PARTS = frozenset(("train", "training", "val", "valid", "validation", "eval", "evaluation", "test", "testing"))


@dataclass(frozen=True)
class _Run:
    """The event files of one folder, in the order in which they were written."""

    files: tuple[Path, ...]
    constants: dict[str, str]


@dataclass(frozen=True)
class _Scalars:
    """What one event file has: of each scalar its first and last step and value, and whether the file ends early."""

    first: dict[str, tuple[int, float]]
    last: dict[str, tuple[int, float]]
    truncated: bool


def recognizes(path: Path) -> bool:
    """Return whether a path is an event file, or a folder with event files in it or below it."""
    if path.is_dir():
        return any(map(_is_event_file, visible(path, "**/*tfevents*")))
    return _is_event_file(path)


def read(path: Path, choice: Choice) -> list[Table]:
    """Read the last value of each scalar of each run.

    Raises
    ------
    CannotJudge
        If a file is damaged, ends within a record or has no scalars, if a folder has several runs, or if runs have
        several parts of which none is chosen.
    """
    runs = select(list(_runs(path)), choice.where)
    check_alike(runs, ["part"], str(path))
    return [
        Table(str(run.files[0].parent if path.is_dir() else path), _last_values(run), run.constants) for run in runs
    ]


def _is_event_file(path: Path) -> bool:
    """Return whether TensorBoard would read a file."""
    return "tfevents" in path.name and not path.name.endswith(".profile-empty") and path.is_file()


def _runs(path: Path) -> Iterator[_Run]:
    """Yield the runs of a folder, or that of a file."""
    if path.is_file():
        yield _Run((path,), {"run": _name(path.parent), "part": "."})
        return
    folders = sorted({file.parent for file in visible(path, "**/*tfevents*") if _is_event_file(file)})
    for folder in folders:
        run = _run_of(folder, path, folders)
        name = _name(run) if run == path else str(run.relative_to(path))
        constants = {"run": name, "part": str(folder.relative_to(run))}
        yield _Run(tuple(sorted(filter(_is_event_file, visible(folder, "*tfevents*")))), constants)


def _name(folder: Path) -> str:
    """Return the name of the folder of a run, with that of the folder above if it has only a part of the run."""
    whole = folder.resolve()
    return f"{whole.parent.name}/{whole.name}" if whole.name.lower() in PARTS else whole.name


def _run_of(folder: Path, path: Path, folders: list[Path]) -> Path:
    """Return the folder of the run that a folder with event files belongs to."""
    above = [parent for parent in folder.parents if parent.is_relative_to(path)]
    outermost = next((parent for parent in reversed(above) if parent in folders), folder)
    return outermost.parent if outermost != path and outermost.name.lower() in PARTS else outermost


def _last_values(run: _Run) -> dict[str, np.ndarray]:
    """Return the last value of each scalar of a run, and its last step, each as an array of one number."""
    folder = run.files[0].parent
    check_count(str(folder), "bytes of event files", sum(file.stat().st_size for file in run.files), LARGEST)
    scalars = [_scalars(file) for file in run.files]
    for index, found in enumerate(scalars):
        later = set[str]().union(*(each.last for each in scalars[index + 1 :]))
        if found.truncated and not (found is not scalars[-1] and later.issuperset(found.last)):
            raise CannotJudge(
                f"{terminal(str(run.files[index]))} ends within a record or is damaged: the run was stopped, or is "
                "still being written; copy the file again when it is complete, or leave out this run"
            )
    _check_one_run(run, scalars)
    values = {tag: value for found in scalars for tag, (_, value) in found.last.items()}
    if not values:
        raise CannotJudge(
            f"{terminal(str(folder))} has no scalars in its event files; log its results as scalars, or leave it out"
        )
    steps = [step for found in scalars for step, _ in found.last.values()]
    return {"step": np.array([max(steps)])} | {tag: np.array([value]) for tag, value in values.items()}


def _check_one_run(run: _Run, scalars: list[_Scalars]) -> None:
    """Raise CannotJudge if an event file begins the run of an earlier one again, with other results.

    The file of a resumed run begins at a later step. That of an evaluation afterwards lacks the scalars of training.
    """
    for index, later in enumerate(scalars):
        for number, earlier in enumerate(scalars[:index]):
            again = (
                tag
                for tag, first in earlier.first.items()
                if later.first[tag][0] <= first[0] and not _same(later.first[tag], first)
            )
            if earlier.first.keys() <= later.first.keys() and (tag := next(again, None)) is not None:
                names = f"{run.files[number].name} and {run.files[index].name}"
                raise CannotJudge(
                    terminal(
                        f"{run.files[index].parent} has several runs: {names} both begin at step {later.first[tag][0]} "
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
        tensors, position = set[str](), 0
        try:
            for record in RawEventFileLoader(str(file)).Load():
                position += len(record) + FRAME
                event = Event.FromString(record)
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
    return _Scalars(first, last, truncated=position < file.stat().st_size)


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


FORMAT = Format("TensorBoard event files", recognizes, read, extra="tensorboard")
