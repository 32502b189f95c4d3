"""The trial of a user's own networks: one training step and one evaluation of two examples, before any job starts.

A trial imports the user's code. Therefore it runs in a process of its own (`python -m noisegrid.planning.trial`): the
planner imports no PyTorch, and code that crashes or exits ends only the trial. Without own networks, no process starts.
"""

import importlib.util
import inspect
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.common.references import imported
from noisegrid.common.schemas import PACKAGE, catalog
from noisegrid.readers import Raw
from noisegrid.runtime.hardware import entry as hardware_entry
from noisegrid.study.study import Cell, Study, TimedNetwork

if TYPE_CHECKING:
    from torch import Tensor, nn

#: The seconds after which a process that tries networks is ended. Training then goes ahead.
PATIENCE_S = 600
#: The recipe with which a timed network is tried: the study states none for it.
TIMED: dict[str, Any] = {
    "dataset": "",
    "epochs": 1,
    "batch_size": 2,
    "optimizer": {"name": "sgd", "learning_rate": 1e-4},
    "schedule": [],
    "pixels": "scale",
    "augment": {"pad": 0, "flip": False},
    "dropout": 0.0,
    "label_smoothing": 0.0,
}


@dataclass(frozen=True)
class Shape:
    """The shape of a dataset.

    Attributes
    ----------
    classes, channels, size : int
        The number of classes or attributes, the number of channels, and the height and width in pixels.
    full_scale : float
        The largest value that a pixel can have.
    attributes : bool
        Whether the labels are attributes.
    """

    classes: int
    channels: int
    size: int
    full_scale: float = 255
    attributes: bool = False


@dataclass(frozen=True)
class Trial:
    """A network to try, or a reader to import.

    Attributes
    ----------
    where, key : str
        The file with the task, the `overhead` blocks or the dataset, and the key of the function there, for messages.
    reference : str
        The function, as package.module:function.
    device : str
        The device of the jobs, `cpu` or `cuda`.
    task : dict or None
        The settings of the task; None for a reader, which is imported and not called.
    shape : Shape or None
        The shape of the task's dataset; None for a reader.
    """

    where: str
    key: str
    reference: str
    device: str = "cpu"
    task: dict[str, Any] | None = None
    shape: Shape | None = None


# --- in the process that plans ---------------------------------------------------------------------------------------


def shape_of(folder: Path, entry: dict[str, Any]) -> Shape | None:
    """Return the shape of a dataset, from its prepared arrays or else from its entry; None if neither states it."""
    if (folder / "manifest.json").exists():
        try:
            images, labels = (np.load(folder / f"train_{part}.npy", mmap_mode="r") for part in ("images", "labels"))
        except (OSError, ValueError):  # a training job states what is wrong with the dataset
            return None
        _, channels, size, _ = images.shape
        return Shape(entry["classes"], channels, size, entry["full_scale"], labels.ndim == 2)
    if "channels" in entry and "size" in entry:
        return Shape(entry["classes"], entry["channels"], entry["size"], entry["full_scale"])
    return None


def trials_of(
    study: Study, cells: Iterable[Cell], timed: Iterable[TimedNetwork], shapes: Callable[[str], Shape | None]
) -> tuple[list[Trial], list[str]]:
    """Return the trials of all own networks among some cells and timed networks.

    Parameters
    ----------
    study : Study
        The study.
    cells : iterable of Cell
        The cells to train. The cells of a task on the CPU, or on GPUs, share one trial.
    timed : iterable of TimedNetwork
        The networks to time.
    shapes : callable
        A function that returns the shape of a dataset, given its name, or None if the shape is not known yet.

    Returns
    -------
    list of Trial
        The trials.
    list of str
        One sentence for each task that cannot be tried yet.
    """
    found, skipped = dict[tuple[str, ...], Trial](), dict[str, None]()
    for cell in cells:
        task, device = cell.settings["task"], cell.settings["hardware"]["device"]
        if "source" not in task:
            continue
        where = f"{study.source}: tasks.{cell.task}"
        if shape := shapes(cell.dataset):
            found[cell.task, device] = Trial(where, "network", task["build"], device, task, shape)
        else:
            skipped[
                f"{where}: network {task['build']} is tried when dataset {cell.dataset} is prepared; to try it before, "
                f"state channels and size in datasets.{cell.dataset}"
            ] = None
    for timing in timed:
        if timing.source:
            where, shape = f"{study.source}: overhead", Shape(1000, 3, timing.size)
            device = hardware_entry(timing.hardware).device
            task = {**TIMED, "network": timing.build, "build": timing.build, "options": timing.options}
            found[timing.network, device, str(timing.size)] = Trial(
                where, "networks", timing.build, device, task, shape
            )
    return list(found.values()), list(skipped)


def readers_of(study: Study) -> list[Trial]:
    """Return the trials of the readers of a study's own datasets, which are imported but not called."""
    own = {name: entry for name, entry in study.datasets.items() if name not in catalog("datasets")}
    return [Trial(f"{study.source}: datasets.{name}", "read", entry["read"]) for name, entry in own.items()]


def try_study(study: Study, datasets: Path) -> tuple[list[str], list[str]]:
    """Try all own networks of a study, and import the readers of its own datasets.

    Parameters
    ----------
    study : Study
        The study.
    datasets : Path
        The folder of the prepared datasets.

    Returns
    -------
    list of str
        One sentence for each network or reader that cannot be used.
    list of str
        One sentence for what was not tried.
    """
    found, skipped = trials_of(
        study, study.cells, study.timed_networks, lambda name: shape_of(datasets / name, study.datasets[name])
    )
    failed, notes = run([*found, *readers_of(study)])
    return failed, [*skipped, *notes]


def check_dataset(study: Study, name: str, data: Raw) -> list[str]:
    """Try the own networks of a study that train on a dataset, after it was read and before it is written.

    Returns
    -------
    list of str
        One sentence for each network that cannot be tried on this machine.

    Raises
    ------
    NoisegridError
        If a network cannot be built, trained or evaluated.
    """
    images, entry = data.train_images, study.datasets[name]
    channels, size, _ = images.shape[-3:]
    shape = Shape(entry["classes"], channels, size, entry["full_scale"], data.train_labels.ndim == 2)
    cells = [cell for cell in study.cells if cell.dataset == name]
    failed, notes = run(trials_of(study, cells, [], lambda _: shape)[0])
    if failed:
        raise NoisegridError("\n".join(failed))
    return notes


def run(trials: list[Trial]) -> tuple[list[str], list[str]]:
    """Run trials in a process of their own.

    Returns
    -------
    list of str
        One sentence for each trial that failed.
    list of str
        One sentence for what could not be tried on this machine.
    """
    if trials and importlib.util.find_spec("torch") is None:
        return [], ["own networks are not tried before the jobs, because this environment has no torch"]
    failed, notes = list[str](), list[str]()
    while trials:
        results, ending = _run_process(trials)
        failed += [result["failed"] for result in results if "failed" in result]
        notes += [result["note"] for result in results if "note" in result]
        if len(results) == len(trials):
            break
        last = trials[len(results)]
        about = f"{last.where}.{last.key}: {last.reference}"
        if ending is None:
            notes.append(
                f"{about} was not tried to its end, which takes more than {PATIENCE_S} s; nor was what follows it"
            )
            break
        failed.append(f"{about} ended the process of its trial ({ending}); correct its code")
        trials = trials[len(results) + 1 :]
    return failed, notes


def _run_process(trials: list[Trial]) -> tuple[list[dict[str, str]], str | None]:
    """Run trials until the process ends.

    Returns
    -------
    list of dict
        The result of each finished trial: a sentence under `failed` or `note`, or nothing.
    str or None
        How the process ended; None if it ran out of time.
    """
    paths = os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH")]))
    with tempfile.TemporaryDirectory() as folder:
        output, printed = Path(folder) / "results", Path(folder) / "printed"
        output.touch()
        with printed.open("w") as file:  # a file, because a process that the user's code starts may keep a pipe open
            try:
                code = subprocess.run(
                    [sys.executable, "-m", "noisegrid.planning.trial", str(output)],
                    input=json.dumps([asdict(trial) for trial in trials]), stdout=file, stderr=file, text=True,
                    env={**os.environ, "PYTHONPATH": paths}, timeout=PATIENCE_S, check=False,
                ).returncode  # fmt: skip
                ending = f"signal {-code}" if code < 0 else f"exit status {code}"
            except subprocess.TimeoutExpired:
                ending = None
        results = [json.loads(line) for line in output.read_text().splitlines()]
        lines = printed.read_text(errors="replace").strip().splitlines()
    return results, f"{ending}; its last words: {lines[-1]}" if ending and lines else ending


# --- in the process of the trials ------------------------------------------------------------------------------------


def main(output: Path) -> None:
    """Run the trials that standard input lists as JSON, and append one line of JSON with each result to a file."""
    for entry in json.load(sys.stdin):
        trial = Trial(**entry | {"shape": entry["shape"] and Shape(**entry["shape"])})
        try:
            _run(trial)
            result = {}
        except NoisegridError as error:
            result = {"failed": " ".join(str(error).split())}
        except _Elsewhere as error:
            result = {"note": str(error)}
        with output.open("a") as file:
            file.write(json.dumps(result) + "\n")


class _Elsewhere(Exception):
    """Raised when a network for a GPU cannot be tried on this machine, which has none."""


def _run(trial: Trial) -> None:
    """Run one trial. Raise NoisegridError, with the key and the remedy, if it fails."""
    kind = "network" if trial.task else "dataset"
    where = f"{trial.where}.{trial.key}"
    try:
        function = imported(kind, trial.reference)
    except NoisegridError as error:
        raise NoisegridError(f"{where}: {error}") from error
    except Exception as error:
        raise NoisegridError(
            f"{where}: {trial.reference} cannot be imported ({_sentence(error)}); correct this file"
        ) from error
    if trial.task and trial.shape:
        _check_arguments(trial, function)
        _try_network(trial, trial.shape)


def _check_arguments(trial: Trial, function: Callable[..., Any]) -> None:
    """Check the names of the arguments with which a network is built against the function's signature."""
    assert trial.task is not None
    options = trial.task["options"]
    given = dict.fromkeys(["classes", "channels", "size", *(["dropout"] if trial.task["dropout"] else [])]) | options
    try:
        signature = inspect.signature(function)
    except ValueError:  # a function that is written in C
        return
    names, kinds = signature.parameters, [parameter.kind for parameter in signature.parameters.values()]
    wrong = [name for name in options if name not in names and inspect.Parameter.VAR_KEYWORD not in kinds]
    if wrong:
        known = [name for name in names if name not in given]
        why = unknown("option", wrong[0], known) if known else f"the function has no option {wrong[0]!r}; remove it"
        raise NoisegridError(f"{trial.where}.network_options: {trial.reference}: {why}")
    try:
        signature.bind(**given)
    except TypeError as error:
        key = "network_options" if "missing" in str(error) and trial.key == "network" else trial.key
        raise NoisegridError(
            f"{trial.where}.{key}: {trial.reference} cannot be called with {', '.join(given)} ({error}); its arguments "
            f"are {', '.join(names) or 'none'}"
        ) from error


def _try_network(trial: Trial, shape: Shape) -> None:
    """Build a network, train it for one step of two random examples, and evaluate it."""
    import torch
    from torch.amp.grad_scaler import GradScaler

    from noisegrid.networks import build
    from noisegrid.study.settings import Task
    from noisegrid.training.augmentation import to_inputs
    from noisegrid.training.train import optimizer_of, training_step

    assert trial.task is not None
    task = Task.of(trial.task)
    device = torch.device("cuda" if trial.device == "cuda" and torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    arguments: dict[str, Any] = {"classes": shape.classes, "channels": shape.channels, "size": shape.size}
    arguments |= {"dropout": task.dropout} if task.dropout else {}
    with _told(trial, device, "network_options" if task.options else trial.key, "cannot be built"):
        network = build(task.build, **arguments, **task.options).to(device)
    edge = task.augment.resized_crop or shape.size
    stored = torch.rand(2, shape.channels, edge, edge, device=device) * shape.full_scale
    inputs = to_inputs(stored, task.pixels, shape.full_scale)
    classes = torch.tensor([0, shape.classes - 1], device=device)
    labels = torch.nn.functional.one_hot(classes, shape.classes).float() if shape.attributes else classes
    options = GradScaler(device.type, enabled=False), inputs, labels, "fp32", task.label_smoothing

    def forward(inputs: "Tensor") -> "Tensor":
        return _checked_output(network, inputs, shape.classes)

    with _told(trial, device, trial.key, f"fails with two examples of shape {list(inputs.shape[1:])}"):
        loss = float(training_step(forward, optimizer_of(network, task.optimizer), *options))
        if not math.isfinite(loss):
            raise NoisegridError(f"its loss is {loss} before training; initialise it with smaller weights")
        network.eval()
        with torch.inference_mode():
            forward(inputs)


def _checked_output(network: "nn.Module", inputs: "Tensor", classes: int) -> "Tensor":
    """Return what a network returns, after checking that it is one tensor of logits (2, classes)."""
    import torch

    output = network(inputs)
    if not isinstance(output, torch.Tensor):
        remedy = "return its .logits" if hasattr(output, "logits") else "return one tensor, the logits"
        raise NoisegridError(f"it returns an object of type {type(output).__name__}; {remedy}")
    if output.shape != (len(inputs), classes):
        raise NoisegridError(
            f"it returns a tensor of shape {list(output.shape)}; return logits of shape {[len(inputs), classes]}, "
            "one row per example and one column per class"
        )
    if not output.is_floating_point():
        raise NoisegridError(f"it returns numbers of type {output.dtype}; return logits, which are floats")
    return output


@contextmanager
def _told(trial: Trial, device: Any, key: str, what: str) -> Iterator[None]:
    """Turn every exception of the user's code into one sentence with the key of the study."""
    start = f"{trial.where}.{key}: network {trial.reference}"
    try:
        yield
    except NoisegridError as error:
        raise NoisegridError(f"{start}: {str(error).removeprefix(f'network {trial.reference}: ')}") from error
    except Exception as error:
        if trial.device != device.type and re.search(r"cuda|nvidia|triton|gpu", str(error), re.IGNORECASE):
            raise _Elsewhere(f"{start} was not tried, because it needs a GPU and this machine has none") from error
        raise NoisegridError(
            f"{start} {what} ({_sentence(error)}); correct it, or name a function that wraps it"
        ) from error


def _sentence(error: Exception) -> str:
    """Return the type and the first line of an exception, and the last line of the user's code that led to it."""
    lines = str(error).strip().splitlines() or [""]
    place = next((f", {path.name} line {line}" for path, line in _places(error)), "")
    if isinstance(error, SyntaxError):
        place = f", {Path(error.filename or '?').name} line {error.lineno}"
        lines = [error.msg]
    return f"{type(error).__name__}: {lines[0]}{place}"


def _places(error: Exception) -> Iterator[tuple[Path, int | None]]:
    """Yield the files and lines of an exception that are in the folder of the study, the innermost first."""
    here = Path.cwd()
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(here) and not {"site-packages", PACKAGE.name} & set(path.parts):
            yield path, frame.lineno


if __name__ == "__main__":
    main(Path(sys.argv[1]))
