"""Which layer of a network, and which part of a training step, an operator runs in."""

from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils.hooks import RemovableHandle

FORWARD, BACKWARD, OPTIMISER = "forward", "backward", "optimiser"


class Places:
    """The place in a training step of the operator that is running, found by hooks on a network and its optimisers.

    Without a network, the hooks are on every module of PyTorch.

    The layer of an operator of the backward pass is the one that made the node of autograd. Nodes are numbered, and
    each layer notes which numbers were given while it ran. A layer that is recomputed (activation checkpointing) runs
    inside the backward pass; its operators count as backward.
    """

    def __init__(self, network: nn.Module | None = None, optimizers: Iterable[torch.optim.Optimizer] = ()) -> None:
        self.running: list[tuple[str, int]] = []
        self.ranges: list[tuple[int, int, str]] = []
        self.updating = False
        self.handles: list[RemovableHandle] = []
        if network is None:
            self.handles.append(register_module_forward_pre_hook(self._enter_any))
            self.handles.append(register_module_forward_hook(self._leave, always_call=True))
        for path, module in network.named_modules() if network is not None else ():
            self.handles.append(module.register_forward_pre_hook(partial(self._enter, path)))
            self.handles.append(module.register_forward_hook(self._leave, always_call=True))
        for optimizer in optimizers:
            self.handles.append(optimizer.register_step_pre_hook(lambda *_: setattr(self, "updating", True)))
            self.handles.append(optimizer.register_step_post_hook(lambda *_: setattr(self, "updating", False)))

    def close(self) -> None:
        """Remove the hooks."""
        for handle in self.handles:
            handle.remove()

    def _enter(self, path: str, module: nn.Module, inputs: Any) -> None:
        if torch.compiler.is_compiling():
            return
        self.running.append((path, torch._C._autograd._get_sequence_nr()))

    def _enter_any(self, module: nn.Module, inputs: Any) -> None:
        """Enter a layer of a network that is not known: its path is made of the classes of the layers around it."""
        around = f"{self.running[-1][0]}." if self.running else ""
        self._enter(f"{around}{type(module).__name__}", module, inputs)

    def _leave(self, module: nn.Module, inputs: Any, outputs: Any) -> None:
        if torch.compiler.is_compiling():
            return
        path, first = self.running.pop()
        last = torch._C._autograd._get_sequence_nr()
        self.ranges.append((first, last, path))  # a layer is noted before the layers that contain it

    def now(self) -> tuple[str, str]:
        """Return the part of the step and the path of the layer of the operator that is running.

        The path is empty for the network itself, for the optimiser, and for what runs in no layer.
        """
        if self.updating:
            return OPTIMISER, ""
        node = torch._C._current_autograd_node()
        if node is None:
            return FORWARD, self.running[-1][0] if self.running else ""
        number = node._sequence_nr()
        return BACKWARD, next((path for first, last, path in self.ranges if first <= number < last), "")
