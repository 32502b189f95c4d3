"""What is watched in a process of an audited run: where it is in training, and the log that events are written to."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from noisegrid.audit.log import BETWEEN, EVALUATION, SETUP, Writer
from noisegrid.audit.request import Request
from noisegrid.common.files import short_digest
from noisegrid.divergence.tracer import hashes_of


class Enough(SystemExit):
    """Raised to end a run after its last recorded step, as if the program ended."""


class Watch:
    """The log of this process, and the place in training that it has reached.

    Attributes
    ----------
    steps : int
        The number of steps that the optimisers have begun.
    evaluating : bool
        Whether the network was last called in evaluation mode.
    loader : int
        The number of the DataLoader that is being iterated, for its workers.
    weights : dict
        The weights that optimisers train, by their place in memory.
    averages : list of str
        Hashes of what was written, since the last step, into tensors that have the shape of a weight.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.log = Writer(request.folder)
        self.steps = 0
        self.evaluating = False
        self.trained = False
        self.updating = False
        self.loader = -1
        self.weights: dict[int, Tensor] = {}
        self.averages: list[str] = []
        self._inside: list[str] = []
        self._numbers: list[Any] = []

    @contextmanager
    def inside(self, place: str) -> Iterator[None]:
        """Note that what runs in this block runs at a place, such as log.FETCH."""
        self._inside.append(place)
        try:
            yield
        finally:
            self._inside.pop()

    @property
    def where(self) -> str:
        """The place that the process has reached (see log)."""
        if self._inside:
            return self._inside[-1]
        if not self.trained:
            return SETUP
        return EVALUATION if self.evaluating or not torch.is_grad_enabled() else BETWEEN

    def number(self, thing: Any) -> int:
        """Return the number of an object such as a generator; the same object has the same number."""
        for number, known in enumerate(self._numbers):
            if known is thing:
                return number
        self._numbers.append(thing)
        return len(self._numbers) - 1

    def write(self, event: str, **values: Any) -> None:
        """Write an event to the log."""
        self.log.write(event, **values)

    def hashes(self, tensors: list[Tensor]) -> list[str]:
        """Return the hash of each tensor; the hashing itself is not watched."""
        with _disable_current_modes(), torch.no_grad():
            return hashes_of([one.detach() for one in tensors])

    def digest(self, tensors: list[Tensor]) -> str:
        """Return one digest of several tensors, of their shapes and of their order."""
        shapes = [str(tuple(one.shape)) for one in tensors]
        return short_digest("".join(shapes + self.hashes(tensors)))

    def rows(self, batch: Any) -> list[str]:
        """Return the hash of each example of a batch: of the rows of its first tensor; none if it has no tensor."""
        for one in torch.utils._pytree.tree_leaves(batch):
            if isinstance(one, Tensor) and one.dim() > 0 and one.grad_fn is None:
                return self.hashes(list(one.detach()))
        return []
