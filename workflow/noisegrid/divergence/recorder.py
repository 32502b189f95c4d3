"""Record a run step by step: the state before each step, and the operations of one of them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes

from noisegrid.divergence.request import MOST_OPERATIONS
from noisegrid.divergence.states import state_of
from noisegrid.divergence.trace import Operation, State, Trace
from noisegrid.divergence.tracer import traced
from noisegrid.training.places import Places


class Recorder:
    """The states and the operations of a run.

    Parameters
    ----------
    steps : int
        The number of steps to record.
    traced_step : int
        The step whose operations are recorded.
    most : int
        The number of operations that are kept.
    whole : int, optional
        The number of an operation of this step whose inputs and outputs are kept whole.

    Attributes
    ----------
    values : dict
        The bits of these inputs and outputs by name, such as `output 0`, each as a tensor of integers (values,).
    """

    def __init__(self, steps: int, traced_step: int = 0, most: int = MOST_OPERATIONS, whole: int | None = None) -> None:
        self.steps, self.traced_step, self.most, self.whole = steps, traced_step, most, whole
        self.values: dict[str, Tensor] = {}
        self.states: list[State] = []
        self.operations: tuple[Operation, ...] = ()
        self.left_out = 0

    @property
    def finished(self) -> bool:
        """Whether all steps were recorded. The state after the last one is still missing."""
        return len(self.states) >= self.steps

    def step(
        self,
        run: Callable[[], Any],
        network: nn.Module | None,
        optimizers: Sequence[torch.optim.Optimizer],
        batch: Sequence[Tensor] = (),
        examples: Sequence[int] | None = None,
    ) -> Any:
        """Record the state, then run one step; record its operations if it is the traced one.

        `run` runs the step. The other parameters are those of states.state_of. Return what `run` returns.
        """
        with self.recording(network, optimizers, batch, examples):
            return run()

    @contextmanager
    def recording(
        self,
        network: nn.Module | None,
        optimizers: Sequence[torch.optim.Optimizer],
        batch: Sequence[Tensor] = (),
        examples: Sequence[int] | None = None,
    ) -> Iterator[None]:
        """Record the state, and the operations of a block if it is the traced step (see `step`)."""
        self.states.append(state_of(network, optimizers, batch, examples))
        if len(self.states) - 1 != self.traced_step:
            yield
            return
        with traced(Places(network, optimizers), self.most, self.whole) as tracer:
            try:
                yield
            finally:
                with _disable_current_modes():
                    self.operations, self.left_out = tracer.operations(), tracer.left_out
                    self.values = tracer.values

    def end(self, network: nn.Module | None, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        """Record the state after the last step."""
        self.states.append(state_of(network, optimizers))

    def trace(self, about: dict[str, Any]) -> Trace:
        """Return the trace; `about` says what was run, and where."""
        return Trace(about, tuple(self.states), self.traced_step, self.operations, self.left_out)
