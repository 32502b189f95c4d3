"""Chunks and their names. A chunk is the set of replicates that one training job trains on one kind of hardware.

The name of a chunk says which cells it covers:

0-9                           replicates 0 to 9 of every cell on the hardware
smallcnn-digits/0-9           replicates 0 to 9 of every noise of a task
smallcnn-digits/algo.0-1      replicates 0 and 1 of a single noise of a task

`planning/packing.py` decides which chunks a study has.
"""

import re
from dataclasses import dataclass

from noisegrid.common.errors import NoisegridError

#: The form of a chunk's name, as a regular expression for the workflow's wildcard.
PATTERN = r"(?:[A-Za-z0-9][A-Za-z0-9_.@+-]*/(?:[a-z_]+\.)?)?[0-9]+-[0-9]+"


@dataclass(frozen=True)
class Chunk:
    """Replicates `first` to `last` (inclusive) of the cells on one kind of hardware.

    Attributes
    ----------
    first, last : int
        The numbers of the first and the last replicate.
    task : str or None
        The task of the cells; None for the cells of all tasks.
    noise : str or None
        The noise of the cell; None for the cells of all noises. A chunk with a noise also has a task.
    """

    first: int
    last: int
    task: str | None = None
    noise: str | None = None

    @property
    def name(self) -> str:
        """The name of the chunk, which is also the path of the chunk file without its suffix."""
        task = f"{self.task}/" if self.task else ""
        noise = f"{self.noise}." if self.noise else ""
        return f"{task}{noise}{self.first}-{self.last}"

    @property
    def numbers(self) -> range:
        """The numbers of the replicates."""
        return range(self.first, self.last + 1)

    def holds(self, task: str, noise: str | None = None) -> bool:
        """Return whether the chunk contains replicates of a task or, if `noise` is given, of this noise of the task."""
        return self.task in (None, task) and (noise is None or self.noise in (None, noise))


def chunk_of(name: str) -> Chunk:
    """Return the chunk with the given name. Raise NoisegridError if the name is malformed."""
    if re.fullmatch(PATTERN, name) is None:
        raise NoisegridError(
            f"{name!r} is not a chunk; write FIRST-LAST, TASK/FIRST-LAST or TASK/NOISE.FIRST-LAST, "
            "as in smallcnn-digits/algo.0-9"
        )
    task, _, rest = name.rpartition("/")
    noise, _, span = rest.rpartition(".")
    first, last = map(int, span.split("-"))
    return Chunk(first, last, task or None, noise or None)


def split(count: int, size: int, task: str | None = None, noise: str | None = None) -> list[Chunk]:
    """Split replicates 0 to count - 1 into chunks of `size` replicates; the last chunk may be smaller."""
    return [Chunk(first, min(first + size, count) - 1, task, noise) for first in range(0, count, size)]
