"""The loss of a recipe, and what counts as the output of a network."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from noisegrid.common.errors import NoisegridError
from noisegrid.common.references import imported, is_reference
from noisegrid.data.form import NEXT_TOKENS, VALUES
from noisegrid.study.settings import Task

#: A function of outputs and labels that returns their mean loss.
Loss = Callable[[Tensor, Tensor], Tensor]


def loss_of(task: Task, labels: str, device: torch.device) -> Loss:
    """Return the loss of a recipe on a device: what it names, or else the default for the kind of the labels."""
    if task.loss is None:
        return functional.mse_loss if labels == VALUES else partial(default_loss, smoothing=task.label_smoothing)
    if is_reference(task.loss.name):
        return partial(imported("loss", task.loss.name), **task.loss.options)
    options = {  # a list, such as a weight for each class, becomes a tensor
        key: torch.tensor(value, dtype=torch.float32, device=device) if isinstance(value, list) else value
        for key, value in task.loss.options.items()
    }
    named: Loss = getattr(torch.nn, task.loss.name)(**options)
    return named if labels != NEXT_TOKENS else lambda outputs, tokens: named(outputs.flatten(0, 1), tokens.flatten())


def default_loss(outputs: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Return the mean loss in nats: cross-entropy of classes or next tokens, binary cross-entropy for attributes."""
    if labels.ndim == 2 and labels.is_floating_point():
        return functional.binary_cross_entropy_with_logits(outputs, labels)
    return functional.cross_entropy(outputs.flatten(0, -2), labels.flatten(), label_smoothing=smoothing)


def tensor_of(output: Any) -> Tensor:
    """Return the tensor that a network's output stands for: itself, its `logits`, or the first item of a tuple.

    Raises
    ------
    NoisegridError
        If it is none of these.
    """
    if isinstance(output, Tensor):
        return output
    found = getattr(output, "logits", None)
    if found is None and isinstance(output, dict):
        found = output.get("logits")
    if found is None and isinstance(output, tuple | list) and output:
        found = output[0]
    if not isinstance(found, Tensor):
        raise NoisegridError(
            f"it returns an object of type {type(output).__name__}; return a tensor, an object with `logits`, or a "
            "tuple that starts with a tensor"
        )
    return found
