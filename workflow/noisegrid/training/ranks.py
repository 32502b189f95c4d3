"""What the ranks of one replicate exchange: gradients, buffers, losses, states and hashes.

Rank 0 is the process of the replicate. It evaluates, records, and writes checkpoints; the other ranks follow it. Each
computes its part of every batch, and DistributedDataParallel averages the gradients through gloo. A run of one process
exchanges nothing and computes as without this module.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from noisegrid.common.errors import NoisegridError
from noisegrid.training.losses import Loss
from noisegrid.training.weights import weights_of

#: How long the ranks wait for each other when they meet, and later, when rank 0 may be evaluating a large test set.
#: Neither is how long a rank that died goes unnoticed: its connections close at once.
MEETING, WORKING = timedelta(minutes=5), timedelta(days=1)
#: What rank 0 tells the others between two steps: compute the next step, send your own state, or take this state.
GO_ON, SEND, TAKE = 0, 1, 2


class Follower(Protocol):
    """A run in progress on one rank."""

    def own_state(self) -> dict[str, Any]:
        """Return the state that each rank has of its own."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the run."""
        ...


class Ranks:
    """The ranks of a replicate, as one of them sees them.

    Parameters
    ----------
    rank, world : int
        The number of this rank, and of all ranks.
    bucket_mb : float, optional
        The size of the gradient buckets in MB; by default, PyTorch's.
    meeting_point : Path, optional
        The file through which several ranks find each other.
    """

    def __init__(
        self, rank: int = 0, world: int = 1, bucket_mb: float | None = None, meeting_point: Path | None = None
    ) -> None:
        self.rank, self.world, self.bucket_mb, self.meeting_point = rank, world, bucket_mb, meeting_point
        self.group: Any = None

    @property
    def leads(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def meet(self) -> None:
        """Connect the ranks. Call this after the switches of the process are set."""
        if self.world == 1:
            return
        store = dist.FileStore(str(self.meeting_point), self.world)  # type: ignore[attr-defined]
        dist.init_process_group("gloo", store=store, rank=self.rank, world_size=self.world, timeout=MEETING)
        self.group = dist.new_group(timeout=WORKING)

    def part_ways(self) -> None:
        """Close the connections to the other ranks."""
        if self.group is not None:
            self.group = None
            dist.destroy_process_group()

    # --- a step ---

    def wrapped(self, network: nn.Module) -> nn.Module:
        """Return the network in the form that is trained: its backward pass averages the gradients of all ranks."""
        if self.world == 1:
            return network
        return DistributedDataParallel(network, bucket_cap_mb=self.bucket_mb, process_group=self.group)

    def part(self, inputs: Tensor, labels: Tensor, loss: Loss) -> tuple[Tensor, Tensor, Loss]:
        """Return this rank's part of a batch, and the loss to compute of it.

        The parts are contiguous, and equal unless the batch is the smaller last one of an epoch. The mean of the
        losses of all ranks is the loss of the whole batch, and so is the mean of their gradients. A rank that is left
        without an example computes one with weight 0.
        """
        if self.world == 1:
            return inputs, labels, loss
        mine, its_labels = (batch.tensor_split(self.world)[self.rank] for batch in (inputs, labels))
        weight = len(mine) * self.world / len(inputs)
        if not len(mine):
            mine, its_labels = inputs[-1:], labels[-1:]
        return mine, its_labels, loss if weight == 1 else _weighted(loss, weight)

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a value over the ranks."""
        if self.group is not None:
            dist.all_reduce(value, group=self.group)
            value /= self.world
        return value

    # --- between two steps ---

    def go_on(self, run: Follower) -> None:
        """Begin the next step together. A rank other than 0 first does what rank 0 asks for."""
        while self.group is not None and (asked := self._tell(GO_ON)) != GO_ON:
            if asked == SEND:
                dist.gather_object(run.own_state(), group=self.group)
            else:
                run.load_state_dict(self._sent(None))

    def states_of_others(self) -> list[dict[str, Any]]:
        """Return what each rank but rank 0, which asks for it, has of its own; empty for one process."""
        if self.group is None or not self.leads:
            return []
        self._tell(SEND)
        states: list[Any] = [None] * self.world
        dist.gather_object(None, states, group=self.group)
        return states[1:]

    def share_state(self, state: dict[str, Any]) -> None:
        """Let the other ranks take the state that rank 0 resumes from."""
        if self.group is not None and self.leads:
            self._tell(TAKE)
            self._sent(state)

    def _tell(self, what: int) -> int:
        """Send a word of rank 0 to all ranks, and return it."""
        word = torch.tensor([what])
        dist.broadcast(word, 0, group=self.group)
        return int(word)

    def _sent(self, thing: Any) -> Any:
        """Send an object of rank 0 to all ranks, and return it."""
        things = [thing]
        dist.broadcast_object_list(things, 0, group=self.group)
        return things[0]

    # --- the end ---

    def check_equal(self, network: nn.Module) -> None:
        """Check that all ranks have the same weights; buffers are those of rank 0, as in every step.

        Raises
        ------
        NoisegridError
            If the hashes of the weights differ.
        """
        if self.group is None:
            return
        for buffer in network.buffers():
            dist.broadcast(buffer, 0, group=self.group)
        hashes: list[Any] = [None] * self.world
        dist.all_gather_object(hashes, weights_of(network).hash, group=self.group)
        others = [rank for rank, found in enumerate(hashes) if found != hashes[0]]
        if others:
            raise NoisegridError(
                f"the weights of rank {others[0]} of {self.world} ({hashes[others[0]][:12]}) are not those of rank 0 "
                f"({hashes[0][:12]}), so the ranks trained different networks; look for what a network does by rank"
            )


#: One process, which trains a replicate by itself.
ALONE = Ranks()


def _weighted(loss: Loss, weight: float) -> Callable[[Any, Tensor], Tensor]:
    """Return a loss times a weight."""

    def weighted(outputs: Any, labels: Tensor) -> Tensor:
        return loss(outputs, labels) * weight

    return weighted
