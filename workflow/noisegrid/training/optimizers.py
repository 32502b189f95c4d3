"""The optimiser of a recipe, and its learning rate in each epoch."""

import torch
from torch import nn

from noisegrid.study.settings import Optimizer, Task


def optimizer_of(network: nn.Module, settings: Optimizer) -> torch.optim.Optimizer:
    """Return a fused Adam or SGD optimiser. For XLA, which fuses operators itself, PyTorch has none that is fused.

    The implementation is requested explicitly. Otherwise, a heuristic of PyTorch would choose one.
    """
    rate, fused = settings.learning_rate, next(network.parameters()).device.type != "xla"
    if settings.name == "sgd":
        decay = settings.weight_decay
        return torch.optim.SGD(network.parameters(), rate, settings.momentum, weight_decay=decay, fused=fused)
    return torch.optim.Adam(network.parameters(), rate, betas=(0.9, 0.999), eps=settings.epsilon, fused=fused)


def set_learning_rate(optimizer: torch.optim.Optimizer, task: Task, epoch: int) -> float:
    """Set and return the learning rate of an epoch.

    The rate rises linearly during the warm-up epochs. After the warm-up, the base rate is multiplied by the factor of
    the last schedule entry whose start epoch has been reached.
    """
    warmup = task.optimizer.warmup_epochs
    factor = next((f for start, f in reversed(task.schedule) if epoch >= start), 1.0)
    if epoch < warmup:
        factor = (epoch + 1) / (warmup + 1)
    rate = float(task.optimizer.learning_rate * factor)
    for group in optimizer.param_groups:
        group["lr"] = rate
    return rate
