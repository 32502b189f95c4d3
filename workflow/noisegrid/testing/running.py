"""Run a function of the user, in this process or in a fresh one, and keep its operations and what it returned."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from noisegrid.common.errors import UsageError
from noisegrid.divergence.parts import Parts
from noisegrid.divergence.recorder import Recorder
from noisegrid.divergence.trace import Operation, Trace
from noisegrid.testing.run import Run
from noisegrid.testing.values import entries


class _EveryStep(Recorder):
    """A recorder of the operations of every step."""

    def __init__(self, steps: int) -> None:
        super().__init__(steps)
        self.of_steps: list[tuple[tuple[Operation, ...], int]] = []

    @contextmanager
    def recording(self, network: nn.Module | None, *more: Any) -> Iterator[None]:
        self.traced_step = len(self.states)
        with super().recording(network, *more):
            yield
        self.of_steps.append((self.operations, self.left_out))

    def traces(self, about: dict[str, Any]) -> tuple[Trace, ...]:
        states = tuple(self.states)
        return tuple(Trace(about, states, step, *found) for step, found in enumerate(self.of_steps))


def takes_state(function: Callable[..., Any]) -> bool:
    """Return whether a function is a step, which takes a state, rather than a function without arguments.

    Raises
    ------
    UsageError
        If it is neither.
    """
    needed = [
        one
        for one in inspect.signature(function).parameters.values()
        if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    if len(needed) > 1 or any(one.kind is one.KEYWORD_ONLY for one in needed):
        raise UsageError(
            f"{name_of(function)} needs the arguments {', '.join(one.name for one in needed)}; name a function that "
            "needs none, or a step that needs the state alone (docs/pytest.md)"
        )
    return bool(needed)


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of a function with its module, for messages."""
    return f"{function.__module__}:{getattr(function, '__qualname__', type(function).__name__)}"


def run_here(function: Callable[..., Any], steps: int, threads: int | None = None) -> Run:
    """Run a function in this process.

    Parameters
    ----------
    function : callable
        A step or a function without arguments (see `takes_state`).
    steps : int
        The number of steps, if it is a step.
    threads : int, optional
        The number of PyTorch's threads; by default, it is left as it is.
    """
    __tracebackhide__ = True
    before = torch.get_num_threads()
    try:
        if threads:
            torch.set_num_threads(threads)
        about = {"subject": name_of(function), "switches": {"threads": torch.get_num_threads()}}
        return _steps(function, steps, about) if takes_state(function) else _whole(function, about)
    finally:
        if threads:
            torch.set_num_threads(before)


def _steps(function: Callable[..., Any], steps: int, about: dict[str, Any]) -> Run:
    """Run a step several times."""
    __tracebackhide__ = True
    recorder = _EveryStep(steps)
    state = function(None)
    parts = Parts.of(state, about["subject"])
    while not recorder.finished:
        with recorder.recording(parts.network, parts.optimizers, parts.batch):
            result = function(state)
        state = state if result is None else result
        parts = Parts.of(state, about["subject"])
    recorder.end(parts.network, parts.optimizers)
    return Run(recorder.traces(about), {})


def _whole(function: Callable[..., Any], about: dict[str, Any]) -> Run:
    """Run a function without arguments, which counts as one step."""
    __tracebackhide__ = True
    recorder = _EveryStep(1)
    with recorder.recording(None, []):
        returned = function()
    if returned is None:
        raise UsageError(
            f"{about['subject']} returned nothing that could be compared; return a module, a state dict, tensors, "
            "arrays or numbers"
        )
    recorder.end(None, [])
    return Run(recorder.traces(about), entries(returned, f"what {about['subject']} returned"))
