"""The kernels of a training step, as measured by torch.profiler, with their durations and their modules (nn.Module).

On CUDA, the kernels are those that run on the device, as CUPTI reports them. On a CPU, each operator counts as a
kernel, and the self time of the operator is the duration of the kernel. A kernel of the backward pass runs for one
autograd node, and is assigned to the module whose forward operator created this node. The node and the operator have
the same sequence number.
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

#: Prefix of the names of the ranges that noisegrid adds to the profile. The rest of a name is the path of a module, or
#: OPTIMIZER for the optimiser.
RANGE = "module: "
OPTIMIZER = "(optimizer)"
BACKWARD = "autograd::engine::evaluate_function"


@dataclass(frozen=True)
class Kernel:
    """One kernel of one module, with its calls and its duration per training step.

    Attributes
    ----------
    name : str
        The name of the kernel or operator.
    module : str
        The path of the module in the network, OPTIMIZER for the optimiser, or an empty string outside any module.
    direction : str
        `forward`, `backward`, or `update` for the optimiser.
    calls : float
        Calls per step.
    ms : float
        Milliseconds per step.
    """

    name: str
    module: str
    direction: str
    calls: float
    ms: float


def profile(step: Callable[[], Any], steps: int, network: nn.Module, device: torch.device) -> list[Kernel]:
    """Run training steps under the profiler, and return their kernels.

    Parameters
    ----------
    step : callable
        A function that runs one training step.
    steps : int
        Number of steps to run.
    network : nn.Module
        The network that `step` trains.
    device : torch.device
        The device that the network runs on.

    Returns
    -------
    list of Kernel
        All kernels of all modules, those with the longest durations first.
    """
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
    """Return a context manager that marks the forward pass of every module as a named range in the profile."""
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
    """Return the name and duration (µs) of each kernel that one operator runs itself.

    On CUDA, these are the kernels that the operator launches directly. On a CPU, the operator itself is the kernel.
    The kernels of other operators that this operator calls are not included.
    """
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
    """Return the path of the module in whose forward pass an operator runs.

    If modules are nested, this is the innermost one. Return OPTIMIZER inside the optimiser, and None elsewhere.
    """
    names = (parent.name for parent in _ancestors(event))
    return next((name.removeprefix(RANGE) for name in names if name.startswith(RANGE)), None)


def _place(event: FunctionEvent, owner: dict[int, str]) -> tuple[str, str]:
    """Return the path of the module that an operator belongs to, and `forward`, `backward` or `update`.

    An operator of the backward pass belongs to the module whose forward operator created its autograd node. `owner`
    maps the sequence number of the node to the path of this module.
    """
    inside = _range_around(event)
    if inside is not None:
        return inside, "update" if inside == OPTIMIZER else "forward"
    for parent in _ancestors(event):
        if parent.name.startswith(BACKWARD):
            return owner.get(parent.sequence_nr, ""), "backward"
    return "", "forward"
