"""The optimiser of a recipe, as one of PyTorch's classes with a stated implementation."""

from typing import Any

import torch
from torch import nn

from noisegrid.common.schemas import catalog
from noisegrid.study.optimization import KEYS, optimizer_class
from noisegrid.study.settings import Optimizer


def optimizer_of(network: nn.Module, settings: Optimizer) -> torch.optim.Optimizer:
    """Return the optimiser of a network: fused where PyTorch has a fused kernel for the device.

    The implementation is requested explicitly. Otherwise, a heuristic of PyTorch would choose one.
    """
    name = optimizer_class(settings.name)
    device = next(network.parameters()).device.type
    stated = {KEYS[key]: value for key in KEYS if (value := getattr(settings, key)) is not None}
    stated |= {key: tuple(value) if isinstance(value, list) else value for key, value in settings.options.items()}
    fused = device in catalog("optimizers")[name].get("fused", ())
    implementation: dict[str, Any] = {"fused": True} if fused else {"foreach": device == "cuda"}
    optimizer: torch.optim.Optimizer = getattr(torch.optim, name)(
        network.parameters(), settings.learning_rate, **stated, **implementation
    )
    return optimizer
