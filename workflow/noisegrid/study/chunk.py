"""Chunks and their names. A chunk is the set of replicates that one training job trains.

The chunk `0-9` contains replicates 0 to 9 of every noise of a task on one kind of hardware. The chunk `algo.0-1`
contains replicates 0 and 1 of one noise only. Chunks of the second form are used if one replicate of every noise does
not fit into the time of a job.
"""

import re
from dataclasses import dataclass

from noisegrid.common.errors import NoisegridError

#: The form of a chunk's name, as a regular expression for the workflow's wildcard.
PATTERN = r"(?:[a-z_]+\.)?[0-9]+-[0-9]+"


@dataclass(frozen=True)
class Chunk:
    """Replicates `first` to `last` (inclusive) of one noise, or of every noise of the task if `noise` is None."""

    first: int
    last: int
    noise: str | None = None

    @property
    def name(self) -> str:
        """The name of the chunk, which is also the stem of the chunk file."""
        return f"{self.noise}.{self.first}-{self.last}" if self.noise else f"{self.first}-{self.last}"

    @property
    def numbers(self) -> range:
        """The numbers of the replicates."""
        return range(self.first, self.last + 1)

    def holds(self, noise: str) -> bool:
        """Return whether the chunk contains replicates of a noise."""
        return self.noise in (None, noise)


#: A chunk that stands for every noise. No job trains this chunk.
WHOLE = Chunk(0, 0)


def chunk_of(name: str) -> Chunk:
    """Return the chunk with the given name. Raise NoisegridError if the name is malformed."""
    if re.fullmatch(PATTERN, name) is None:
        raise NoisegridError(
            f"{name!r} is not a chunk; write first-last, as in 0-9, or noise.first-last, as in algo.0-1"
        )
    noise, _, span = name.rpartition(".")
    first, last = map(int, span.split("-"))
    return Chunk(first, last, noise or None)


def split(count: int, size: int, noise: str | None = None) -> list[Chunk]:
    """Split replicates 0 to count - 1 into chunks of `size` replicates; the last chunk may be smaller."""
    return [Chunk(first, min(first + size, count) - 1, noise) for first in range(0, count, size)]
