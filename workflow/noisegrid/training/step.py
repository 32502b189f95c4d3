"""One training step. Training, the overhead stage and trials share it."""

import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.amp.grad_scaler import GradScaler
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_

from noisegrid.training.losses import Loss, default_loss, tensor_of

UNMARKED = nullcontext()


def training_step(
    forward: Callable[[Tensor], Any],
    optimizer: torch.optim.Optimizer,
    scaler: GradScaler,
    inputs: Tensor,
    labels: Tensor,
    precision: str,
    loss: Loss = default_loss,
    update_range: AbstractContextManager[Any] = UNMARKED,
    parts: int = 1,
    clip_norm: float | None = None,
) -> Tensor:
    """Run one training step: forward, backward, optimiser. Training and the overhead stage share this function.

    Parameters
    ----------
    forward : callable
        The network or its compiled form. It maps inputs to outputs (see losses.tensor_of).
    optimizer : Optimizer
        The optimiser that updates the weights.
    scaler : GradScaler
        The gradient scaler. It scales the loss for amp_fp16, and is disabled for the other precisions.
    inputs : (batch, ...)
        The inputs.
    labels : (batch, ...)
        The labels.
    precision : {"fp32", "amp_fp16", "amp_bf16"}
        The arithmetic of the forward pass and the loss.
    loss : callable
        The mean loss of outputs and labels.
    update_range : context manager
        A context manager that is active while the optimiser updates the weights. A profiler uses it to recognise the
        optimiser's kernels.
    parts : int
        The number of parts of the batch whose gradients are computed one after the other and added, so that memory
        holds the activations of one part only.
    clip_norm : float, optional
        The largest norm of the gradient of all parameters together. A longer gradient is scaled to this norm.

    Returns
    -------
    Tensor
        The mean loss of the batch, still on the device.
    """
    total = None
    remaining = list(_divided(inputs, labels, parts))
    while remaining:
        some_inputs, some_labels = remaining.pop(0)
        with _exchanging(forward, is_last=not remaining):
            with autocast(inputs.device, precision):
                part = loss(tensor_of(forward(some_inputs)), some_labels)
                if parts > 1:
                    part = part * (len(some_inputs) / len(inputs))
            if total is None:
                optimizer.zero_grad()
            scaler.scale(part).backward()
        total = part.detach() if total is None else total + part.detach()
    assert total is not None
    with update_range:
        if clip_norm is not None:
            scaler.unscale_(optimizer)
            parameters = (parameter for group in optimizer.param_groups for parameter in group["params"])
            clip_grad_norm_(parameters, clip_norm, foreach=inputs.device.type == "cuda")
        scaler.step(optimizer)
        scaler.update()
    return total


def _exchanging(forward: Callable[[Tensor], Any], is_last: bool) -> AbstractContextManager[Any]:
    """Return a context in which several ranks exchange gradients only in the last part of a batch."""
    if is_last or not isinstance(forward, DistributedDataParallel):
        return UNMARKED
    waiting: AbstractContextManager[Any] = forward.no_sync()
    return waiting


def _divided(inputs: Tensor, labels: Tensor, parts: int) -> Iterable[tuple[Tensor, Tensor]]:
    """Divide a batch into equal parts; in a smaller batch, the last part is smaller."""
    if parts == 1:
        return [(inputs, labels)]
    size = math.ceil(len(inputs) / parts)
    return zip(inputs.split(size), labels.split(size), strict=True)


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the autocast context for a precision. For fp32, the context does nothing."""
    dtype = torch.float16 if precision == "amp_fp16" else torch.bfloat16
    return torch.autocast(device.type, dtype, enabled=precision != "fp32")
