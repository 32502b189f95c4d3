"""What one training job holds, and how it is called: `0-9` are these replicates of every noise source of a task, since
they share all else; `algo.0-1` of one source, where a replicate of every source would not fit a job's time."""

import re
from dataclasses import dataclass

from noisegrid.common.errors import NoisegridError

#: A batch's name, as a wildcard of the workflow.
PATTERN = r"(?:[a-z_]+\.)?[0-9]+-[0-9]+"


@dataclass(frozen=True)
class Batch:
    """Replicates first to last, the last included. noise: None for every noise source."""

    first: int
    last: int
    noise: str | None = None

    @property
    def name(self) -> str:
        """The stem of its file."""
        return f"{self.noise}.{self.first}-{self.last}" if self.noise else f"{self.first}-{self.last}"

    @property
    def numbers(self) -> range:
        """The replicates."""
        return range(self.first, self.last + 1)

    def holds(self, noise: str) -> bool:
        """Whether it has replicates of a noise source."""
        return self.noise in (None, noise)


#: Holds every noise source; no job is called so.
WHOLE = Batch(0, 0)


def batch_of(name: str) -> Batch:
    """The batch of that name. Raises NoisegridError for anything else."""
    if re.fullmatch(PATTERN, name) is None:
        raise NoisegridError(f"{name!r} is no batch; write first-last, as in 0-9, or source.first-last, as in algo.0-1")
    noise, _, span = name.rpartition(".")
    first, last = map(int, span.split("-"))
    return Batch(first, last, noise or None)


def split(count: int, size: int, noise: str | None = None) -> list[Batch]:
    """Replicates 0 to count - 1 in batches of `size`."""
    return [Batch(first, min(first + size, count) - 1, noise) for first in range(0, count, size)]
