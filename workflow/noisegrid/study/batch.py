"""The replicates that one training job trains, and the name of the job.

The batch `0-9` has replicates 0 to 9 of every noise of a task, which share all other settings. The batch `algo.0-1` has
replicates of one noise only; it is used if a replicate of every noise does not fit into the time of a job.
"""

import re
from dataclasses import dataclass

from noisegrid.common.errors import NoisegridError

#: A batch's name, as a wildcard of the workflow.
PATTERN = r"(?:[a-z_]+\.)?[0-9]+-[0-9]+"


@dataclass(frozen=True)
class Batch:
    """Replicates `first` to `last` (inclusive) of one noise, or of every noise of the task if `noise` is None."""

    first: int
    last: int
    noise: str | None = None

    @property
    def name(self) -> str:
        """The name of the batch, and the stem of its file."""
        return f"{self.noise}.{self.first}-{self.last}" if self.noise else f"{self.first}-{self.last}"

    @property
    def numbers(self) -> range:
        """The numbers of the replicates."""
        return range(self.first, self.last + 1)

    def holds(self, noise: str) -> bool:
        """Return whether the batch has replicates of a noise."""
        return self.noise in (None, noise)


#: A batch that holds every noise. No job has this batch.
WHOLE = Batch(0, 0)


def batch_of(name: str) -> Batch:
    """Return the batch of a name. Raise NoisegridError if the name has another form."""
    if re.fullmatch(PATTERN, name) is None:
        raise NoisegridError(
            f"{name!r} is not a batch; write first-last, as in 0-9, or noise.first-last, as in algo.0-1"
        )
    noise, _, span = name.rpartition(".")
    first, last = map(int, span.split("-"))
    return Batch(first, last, noise or None)


def split(count: int, size: int, noise: str | None = None) -> list[Batch]:
    """Return the batches of `size` replicates that cover replicates 0 to count - 1; the last may be smaller."""
    return [Batch(first, min(first + size, count) - 1, noise) for first in range(0, count, size)]
