"""Call a user's own training function, check what it returns, and turn it into the outcome of a run."""

import hashlib
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import nn

from noisegrid.common.errors import NoisegridError
from noisegrid.common.references import imported
from noisegrid.data.form import NEXT_TOKENS
from noisegrid.data.prepared import Dataset
from noisegrid.runtime import machine
from noisegrid.trainers import Request, Trained, as_array
from noisegrid.training import noise
from noisegrid.training.outcome import Diverged, Outcome, Snapshot
from noisegrid.training.run import Run
from noisegrid.training.weights import Weights, vector_of, weights_of


def train_with(run: Run, data: Dataset) -> Outcome:
    """Train one replicate with the function that the recipe names. Call this before the process computes anything.

    Raises
    ------
    NoisegridError
        If the function returns something else than the contract says (see noisegrid.trainers).
    Diverged
        If an output or a loss is not finite.
    """
    began = time.perf_counter()
    machine.check_device(run.hardware.gpu)
    noise.apply_flags(run.flags)
    function = imported("trainer", run.task.trainer)
    seeds = dict(run.seeds)
    task = run.task
    request = Request(data, seeds, run.flags, run.hardware.device, task.epochs, task.batch_size, task.context)
    found = function(request, **task.options)
    where = f"trainer {task.trainer}"
    if not isinstance(found, Trained):
        raise NoisegridError(f"{where}: it returned {type(found).__name__}; return a noisegrid.trainers.Trained")
    shape = (_count(data, task.context), data.form.outputs)
    final = _snapshot(where, found.outputs, found.weights, shape)
    outputs, weights = found.midpoint_outputs, found.midpoint_weights
    midpoint = _snapshot(
        where,
        found.outputs if outputs is None else outputs,
        found.weights if weights is None else weights,
        shape,
    )
    seconds = time.perf_counter() - began
    # the weights before the first step are not known; two runs start alike if they have one `init` seed
    initial = hashlib.sha256(f"init {seeds['init']}".encode()).hexdigest()
    history = _history(where, found.losses, task.epochs, seconds)
    times = {"training_s": seconds, "total_s": seconds}
    return Outcome(initial, midpoint, final, history, times, resumed=0)


def _count(data: Dataset, context: int | None) -> int:
    """Return the number of rows of the outputs: one for each test example, or for each token that is predicted."""
    labels = data.part("test", context)[1]
    return labels.size if data.form.labels == NEXT_TOKENS else len(labels)


def _snapshot(where: str, outputs: Any, weights: Any, shape: tuple[int, int]) -> Snapshot:
    logits = as_array(outputs)
    if logits.shape != shape:
        raise NoisegridError(
            f"{where}: the outputs have the shape {list(logits.shape)}; return {list(shape)}, one row for each test "
            "example (of tokens: for each label of each window) and one column for each class or value"
        )
    if not np.isfinite(logits).all():
        bad = np.count_nonzero(~np.isfinite(logits).all(axis=1))
        raise Diverged(f"the outputs for {bad} test examples are not finite")
    return Snapshot(logits, _weights(where, weights))


def _weights(where: str, weights: Any) -> Weights:
    if isinstance(weights, nn.Module):
        return weights_of(weights)
    if not isinstance(weights, Mapping) or not weights:
        raise NoisegridError(
            f"{where}: the weights are of type {type(weights).__name__}; return a torch.nn.Module, or a dictionary of "
            "arrays"
        )
    return vector_of([(str(name), "parameter", as_array(values)) for name, values in weights.items()])


def _history(where: str, losses: Sequence[float], epochs: int, seconds: float) -> list[dict[str, float]]:
    if len(losses) != epochs:
        raise NoisegridError(
            f"{where}: it returned {len(losses)} losses for {epochs} epochs; return one for each epoch"
        )
    bad = [epoch for epoch, loss in enumerate(losses) if not math.isfinite(loss)]
    if bad:
        raise Diverged(f"the training loss is {float(losses[bad[0]])} in epoch {bad[0]}")
    return [
        {"epoch": epoch, "learning_rate": math.nan, "train_loss": float(loss), "seconds": seconds / epochs}
        for epoch, loss in enumerate(losses)
    ]
