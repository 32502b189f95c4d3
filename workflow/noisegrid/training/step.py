"""One training step and its loss. Training, the overhead stage and trials share them."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.amp.grad_scaler import GradScaler
from torch.nn import functional

UNMARKED = nullcontext()


def training_step(
    forward: Callable[[Tensor], Tensor],
    optimizer: torch.optim.Optimizer,
    scaler: GradScaler,
    inputs: Tensor,
    labels: Tensor,
    precision: str,
    smoothing: float = 0.0,
    update_range: AbstractContextManager[Any] = UNMARKED,
) -> Tensor:
    """Run one training step: forward, backward, optimiser. Training and the overhead stage share this function.

    Parameters
    ----------
    forward : callable
        The network or its compiled form. It maps inputs to logits.
    optimizer : Optimizer
        The optimiser that updates the weights.
    scaler : GradScaler
        The gradient scaler. It scales the loss for amp_fp16, and is disabled for the other precisions.
    inputs : Tensor (batch, ...)
        The images, tokens or rows.
    labels : int64 (batch,), int64 (batch, context) or float32 (batch, attributes)
        The labels.
    precision : {"fp32", "amp_fp16", "amp_bf16"}
        The arithmetic of the forward pass and the loss.
    smoothing : float
        The amount of label smoothing.
    update_range : context manager
        A context manager that is active while the optimiser updates the weights. A profiler uses it to recognise the
        optimiser's kernels.

    Returns
    -------
    Tensor
        The loss in nats, still on the device.
    """
    with autocast(inputs.device, precision):
        loss = loss_of(forward(inputs), labels, smoothing)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    with update_range:
        scaler.step(optimizer)
        scaler.update()
    return loss.detach()


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the autocast context for a precision. For fp32, the context does nothing."""
    dtype = torch.float16 if precision == "amp_fp16" else torch.bfloat16
    return torch.autocast(device.type, dtype, enabled=precision != "fp32")


def loss_of(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Return the mean loss in nats: cross-entropy for one class per example or token, binary for attributes."""
    if labels.ndim == 2 and labels.is_floating_point():
        return functional.binary_cross_entropy_with_logits(logits, labels)
    return functional.cross_entropy(logits.flatten(0, -2), labels.flatten(), label_smoothing=smoothing)
