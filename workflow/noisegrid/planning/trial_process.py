"""The process in which networks and readers of a user are tried: `python -m noisegrid.planning.trial_process RESULTS`.

Standard input lists the trials (see trial). The process imports the user's code, and PyTorch where there is a network.
"""

import inspect
import json
import math
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.common.references import imported
from noisegrid.common.schemas import PACKAGE
from noisegrid.data.form import TOKENS, VALUES, Form
from noisegrid.planning.trial import Trial

if TYPE_CHECKING:
    from torch import Tensor, nn


def main(output: Path) -> None:
    """Run the trials that standard input lists as JSON, and append one line of JSON with each result to a file."""
    for entry in json.load(sys.stdin):
        trial = Trial(**entry | {"form": entry["form"] and Form(**entry["form"])})
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
    kind = {"read": "dataset", "trainer": "trainer"}.get(trial.key, "network")
    where = f"{trial.where}.{trial.key}"
    try:
        function = imported(kind, trial.reference)
    except NoisegridError as error:
        raise NoisegridError(f"{where}: {error}") from error
    except Exception as error:
        raise NoisegridError(
            f"{where}: {trial.reference} cannot be imported ({_sentence(error)}); correct this file"
        ) from error
    if trial.task and trial.form:
        _check_arguments(trial, trial.form, function)
        _try_network(trial, trial.form)


def _check_arguments(trial: Trial, form: Form, function: Callable[..., Any]) -> None:
    """Check the names of the arguments with which a network is built against the function's signature."""
    assert trial.task is not None
    options = trial.task["options"]
    dropout = ["dropout"] if trial.task.get("dropout") else []
    given = dict.fromkeys([*form.arguments(), *dropout]) | options
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


def _try_network(trial: Trial, form: Form) -> None:
    """Build a network, train it for one step of two random examples with the task's recipe, and evaluate it."""
    import torch
    from torch.amp.grad_scaler import GradScaler

    from noisegrid.networks.build import build
    from noisegrid.study.settings import Task
    from noisegrid.training.examples import random_examples
    from noisegrid.training.losses import loss_of
    from noisegrid.training.optimizers import optimizer_of
    from noisegrid.training.schedules import LearningRate
    from noisegrid.training.step import training_step

    assert trial.task is not None
    task = Task.of(trial.task)
    device = torch.device("cuda" if trial.device == "cuda" and torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    arguments = form.arguments(task.context)
    arguments |= {"dropout": task.dropout} if task.dropout else {}
    network_of = f"network {trial.reference}"
    with _in_one_sentence(
        trial, device, "network_options" if task.options else trial.key, network_of, "cannot be built"
    ):
        network = build(task.build, **arguments, **task.options).to(device)
    with _in_one_sentence(
        trial, device, "optimizer", task.optimizer.name, f"cannot be used with torch {torch.__version__}"
    ):
        optimizer = optimizer_of(network, task.optimizer)
    if task.scheduler:
        with _in_one_sentence(
            trial, device, "scheduler", task.scheduler.name, f"cannot be used with torch {torch.__version__}"
        ):
            LearningRate(optimizer, task, 1)
    inputs, labels = random_examples(form, task, 2, device)

    def forward(inputs: "Tensor") -> "Tensor":
        return _checked_output(network, inputs, form)

    examples = f"two examples of shape {list(inputs.shape[1:])}"
    if task.loss:
        with _in_one_sentence(
            trial, device, "loss", task.loss.name, f"cannot take the outputs and labels of {examples}"
        ):
            _check_loss(loss_of(task, form.labels, device)(forward(inputs), labels))
    with _in_one_sentence(trial, device, trial.key, network_of, f"fails with {examples}"):
        scaler = GradScaler(device.type, enabled=False)
        loss = float(
            training_step(forward, optimizer, scaler, inputs, labels, "fp32", loss_of(task, form.labels, device))
        )
        if not math.isfinite(loss):
            raise NoisegridError(f"its loss is {loss} before training; initialise it with smaller weights")
        network.eval()
        with torch.inference_mode():
            forward(inputs)


def _check_loss(loss: Any) -> None:
    """Check that a loss is one number that can be differentiated."""
    import torch

    if not isinstance(loss, torch.Tensor) or loss.numel() != 1 or not loss.requires_grad:
        raise NoisegridError("it returns no single number that depends on the outputs; return the mean over examples")


def _checked_output(network: "nn.Module", inputs: "Tensor", form: Form) -> "Tensor":
    """Return the tensor of a network's output, after checking its shape: a row of outputs per example or token."""
    from noisegrid.training.losses import tensor_of

    output = tensor_of(network(inputs))
    rows = tuple(inputs.shape) if form.kind == TOKENS else (len(inputs),)
    what, column = ("values", "value") if form.labels == VALUES else ("logits", "class")
    if output.shape != (*rows, form.outputs):
        raise NoisegridError(
            f"it returns a tensor of shape {list(output.shape)}; return {what} of shape {[*rows, form.outputs]}, one "
            f"row per {'token' if form.kind == TOKENS else 'example'} and one column per {column}"
        )
    if not output.is_floating_point():
        raise NoisegridError(f"it returns numbers of type {output.dtype}; return {what}, which are floats")
    return output


@contextmanager
def _in_one_sentence(trial: Trial, device: Any, key: str, subject: str, what: str) -> Iterator[None]:
    """Turn every exception into one sentence: the key of the study, the subject, and what fails."""
    start = f"{trial.where}.{key}: {subject}"
    try:
        yield
    except NoisegridError as error:
        raise NoisegridError(f"{start}: {str(error).removeprefix(f'{subject}: ')}") from error
    except Exception as error:
        if trial.device != device.type and re.search(r"cuda|nvidia|triton|gpu", str(error), re.IGNORECASE):
            raise _Elsewhere(f"{start} was not tried, because it needs a GPU and this machine has none") from error
        remedy = "correct it, or name a function that wraps it" if subject.startswith("network ") else "correct it"
        raise NoisegridError(f"{start} {what} ({_sentence(error)}); {remedy}") from error


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
