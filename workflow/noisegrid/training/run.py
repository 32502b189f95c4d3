"""The settings, seeds and switches that determine a replicate."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from noisegrid.study.seeds import Seeds
from noisegrid.study.settings import Hardware, Task
from noisegrid.training import noise


@dataclass(frozen=True)
class Run:
    """The settings, seeds and switches that determine a replicate.

    If `impl` and `autotune` are held, training the same run twice on the same device gives the same bits.

    Attributes
    ----------
    settings : dict
        The settings of the cell: task, hardware and root seed.
    seeds : Seeds
        The seed of each source.
    flags : Flags
        The switches of PyTorch and of the numerical libraries.
    """

    settings: dict[str, Any]
    seeds: Seeds
    flags: noise.Flags

    @cached_property
    def task(self) -> Task:
        """The recipe of the cell's task."""
        return Task.of(self.settings["task"])

    @property
    def world_size(self) -> int:
        """The number of processes that train the replicate together."""
        return int(self.flags.get("world_size", 1))

    @property
    def cores(self) -> int:
        """The number of threads that compute at the same time, in all processes together."""
        return self.world_size * int(self.flags["threads"])

    @cached_property
    def hardware(self) -> Hardware:
        """The hardware settings of the cell."""
        return Hardware.of(self.settings["hardware"])
