"""The parts of the state that a step of the user returns: network, optimisers and batch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from noisegrid.common.errors import NoisegridError


@dataclass(frozen=True)
class Parts:
    """What the state of a user's step holds.

    Attributes
    ----------
    network : nn.Module or None
        The network; None for code that returns no state.
    optimizers : list of Optimizer
        The optimisers.
    batch : tuple of Tensor
        The tensors of the next step: inputs, then labels.
    """

    network: nn.Module | None
    optimizers: list[torch.optim.Optimizer] = field(default_factory=list)
    batch: tuple[Tensor, ...] = ()

    @classmethod
    def of(cls, state: Any, name: str) -> "Parts":
        """Return the parts of a state, which is a mapping or has attributes; `name` is that of the step.

        Raises
        ------
        NoisegridError
            If the state has no network, or one that is no module.
        """

        def part(*names: str) -> Any:
            for name in names:
                found = state.get(name) if isinstance(state, Mapping) else getattr(state, name, None)
                if found is not None:
                    return found
            return None

        network, optimizers, batch = part("network", "model"), part("optimizer", "optimizers"), part("batch")
        if network is not None and not isinstance(network, nn.Module):
            raise NoisegridError(
                f"{name}: the state's network is of type {type(network).__name__}; "
                "return a torch.nn.Module under the name network or model"
            )
        if network is None:
            raise NoisegridError(
                f"{name}(None) returned no network; return a mapping with network, optimizer and, if you like, "
                "batch (docs/diverge.md)"
            )
        listed = list(optimizers) if isinstance(optimizers, list | tuple) else [optimizers] if optimizers else []
        tensors = [batch] if isinstance(batch, Tensor) else list(batch or ())
        return cls(network, listed, tuple(one for one in tensors if isinstance(one, Tensor)))
