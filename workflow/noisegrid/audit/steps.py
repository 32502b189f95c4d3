"""Record the steps of training: calls of the network, losses, and the weights and settings before each step."""

from collections.abc import Iterable
from functools import wraps
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils._pytree import tree_leaves

from noisegrid.audit.generators import global_states
from noisegrid.audit.log import EVALUATION, LAYER
from noisegrid.audit.watch import Enough, Watch


def watch_steps(watch: Watch, checkpoint: str = "") -> None:
    """Record every step of every optimiser from now on.

    Parameters
    ----------
    watch : Watch
        The watch.
    checkpoint : str
        The path of the checkpoint that the function writes, if it does.
    """
    _Calls(watch)
    _watch_losses(watch)
    _watch_loading(watch)

    def before(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        begin_step(watch, optimizer, checkpoint)

    def after(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        watch.updating = False

    register_optimizer_step_pre_hook(before)
    register_optimizer_step_post_hook(after)


def begin_step(watch: Watch, optimizer: Optimizer, checkpoint: str) -> None:
    """Record what a step begins with; end the run if it has enough steps."""
    parameters = [one for group in optimizer.param_groups for one in group["params"]]
    watch.weights |= {one.data_ptr(): one for one in parameters}
    values = {
        "optimizer": watch.number(optimizer),
        "weights": watch.digest(parameters),
        "moments": watch.digest(_moments(optimizer)),
        "settings": _settings(optimizer),
        "states": global_states(),
        "averages": watch.averages,
        "checkpoint": _signature(checkpoint),
        "rank": torch.distributed.get_rank() if _distributed() else None,
    }
    watch.write("step", step=watch.steps, **values)
    watch.averages = []
    watch.trained, watch.updating = True, True
    if watch.steps >= watch.request.steps:
        raise Enough(0)
    watch.steps += 1


def end(watch: Watch, returned: Any) -> None:
    """Record the weights at the end of a run, and what the function returned."""
    state = returned.state_dict() if isinstance(returned, nn.Module) else returned
    tensors = [one for one in tree_leaves(state) if isinstance(one, Tensor)]
    watch.write(
        "end",
        weights=watch.digest(list(watch.weights.values())),
        returned=watch.digest(tensors) if tensors else None,
        averages=watch.averages,
        steps=watch.steps,
        autotune=torch.backends.cudnn.benchmark,
    )


class _Calls:
    """Hooks on every module: they find the outermost calls, and the place of what a layer draws."""

    def __init__(self, watch: Watch) -> None:
        self.watch, self.depth = watch, 0
        register_module_forward_pre_hook(self._enter)
        register_module_forward_hook(self._leave, always_call=True)

    def _enter(self, module: nn.Module, inputs: Any) -> None:
        if torch.compiler.is_compiling():
            return
        if self.depth == 0 and next(module.parameters(), None) is not None:
            training = module.training and torch.is_grad_enabled()
            self.watch.evaluating = not training
            self.watch.trained |= training
            rows = self.watch.rows(inputs)
            self.watch.write("forward", training=training, rows=rows, loader=self.watch.loader)
        self.depth += 1
        self.watch._inside.append(LAYER if module.training else EVALUATION)

    def _leave(self, module: nn.Module, inputs: Any, outputs: Any) -> None:
        if torch.compiler.is_compiling():
            return
        self.depth -= 1
        self.watch._inside.pop()


def _watch_losses(watch: Watch) -> None:
    backward = torch.autograd.backward

    @wraps(backward)
    def recorded(tensors: Any, *args: Any, **kwargs: Any) -> None:
        losses = [tensors] if isinstance(tensors, Tensor) else list(tensors)
        watch.write("loss", value=watch.digest(losses))
        backward(tensors, *args, **kwargs)

    torch.autograd.backward = recorded


def _watch_loading(watch: Watch) -> None:
    load = nn.Module.load_state_dict

    @wraps(load)
    def recorded(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        watch.write("loaded", step=watch.steps)
        return load(self, *args, **kwargs)

    nn.Module.load_state_dict = recorded  # type: ignore[method-assign]


def _moments(optimizer: Optimizer) -> list[Tensor]:
    values: Iterable[Any] = (value for state in optimizer.state.values() for value in state.values())
    return [one for one in values if isinstance(one, Tensor)]


def _settings(optimizer: Optimizer) -> dict[str, str]:
    return {
        f"{key}{f' of group {index}' if index else ''}": repr(value)
        for index, group in enumerate(optimizer.param_groups)
        for key, value in group.items()
        if key != "params"
    }


def _signature(path: str) -> str:
    """Return what changes when a file is written again; empty if it is not there."""
    if not path or not Path(path).exists():
        return ""
    found = Path(path).stat()
    return f"{found.st_mtime_ns} {found.st_size} {found.st_ino}"


def _distributed() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()
