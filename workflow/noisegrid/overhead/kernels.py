"""Which kernels a training step runs, for how long, and which layer they belong to, told by torch.profiler.

On CUDA the kernels are the device's own (CUPTI); on a CPU they are the operators, with their own time. A kernel of the
backward pass belongs to the module whose forward operator made its autograd node (both carry one sequence number).
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch._C._autograd import DeviceType
from torch.autograd.profiler import record_function
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity

#: Marks the profiler's ranges that are ours; what follows it is the module's path.
RANGE = "module: "
OPTIMIZER = "(optimizer)"
BACKWARD = "autograd::engine::evaluate_function"


@dataclass(frozen=True)
class Kernel:
    """Time of one kernel in one module, per training step. direction: forward, backward or update."""

    name: str
    module: str
    direction: str
    calls: float
    ms: float


def profile(step: Callable[[], Any], steps: int, network: nn.Module, device: torch.device) -> list[Kernel]:
    """Run some training steps under the profiler; returns every kernel with its module, longest first."""
    cuda = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with named_modules(network), torch.profiler.profile(activities=activities, acc_events=True) as profiler:
        for _ in range(steps):
            step()
        if cuda:
            torch.cuda.synchronize()
    events = [event for event in profiler.events() if event.device_type == DeviceType.CPU]
    owner = {
        event.sequence_nr: module for event in events if event.sequence_nr >= 0 and (module := _range_around(event))
    }
    totals: dict[tuple[str, str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for event in events:
        for name, microseconds in _kernels_of(event, cuda):
            total = totals[(name, *_place(event, owner))]
            total[0] += 1 / steps
            total[1] += microseconds / 1000 / steps
    found = [Kernel(*key, calls, ms) for key, (calls, ms) in totals.items()]
    return sorted(found, key=lambda kernel: -kernel.ms)


@contextmanager
def named_modules(network: nn.Module) -> Iterator[None]:
    """While it lasts, every module's forward pass is a named range in the profile."""
    open_ranges: list[record_function] = []

    def enter(name: str) -> None:
        open_ranges.append(record_function(RANGE + name))
        open_ranges[-1].__enter__()

    def leave() -> None:
        open_ranges.pop().__exit__(None, None, None)

    handles = []
    for name, module in network.named_modules():
        handles.append(module.register_forward_pre_hook(lambda *_, name=name: enter(name)))
        handles.append(module.register_forward_hook(lambda *_: leave(), always_call=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _kernels_of(event: FunctionEvent, cuda: bool) -> list[tuple[str, float]]:
    """Names and times (µs) of what one operator runs itself."""
    if cuda:
        return [(kernel.name, kernel.duration) for kernel in event.kernels]
    own = event.name.startswith(("aten::", "mkldnn::")) and event.self_cpu_time_total > 0
    return [(event.name, event.self_cpu_time_total)] if own else []


def _ancestors(event: FunctionEvent) -> Iterator[FunctionEvent]:
    parent: FunctionEvent | None = event
    while parent is not None:
        yield parent
        parent = parent.cpu_parent


def _range_around(event: FunctionEvent) -> str | None:
    """The innermost range of ours around an operator: a module's path, or the optimiser."""
    names = (parent.name for parent in _ancestors(event))
    return next((name.removeprefix(RANGE) for name in names if name.startswith(RANGE)), None)


def _place(event: FunctionEvent, owner: dict[int, str]) -> tuple[str, str]:
    """Module and direction of an operator."""
    inside = _range_around(event)
    if inside is not None:
        return inside, "update" if inside == OPTIMIZER else "forward"
    for parent in _ancestors(event):
        if parent.name.startswith(BACKWARD):
            return owner.get(parent.sequence_nr, ""), "backward"
    return "", "forward"
