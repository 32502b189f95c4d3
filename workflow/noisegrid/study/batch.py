"""The replicates that one training job trains, and the name of the job.

The batch `0-9` contains replicates 0 to 9 of every noise of a task; all settings other than the noise are the same. The
batch `algo.0-1` contains replicates of one noise only. Such batches are used if one replicate of every noise does not
fit into the time of a job.
"""

import re
from dataclasses import dataclass

from noisegrid.common.errors import NoisegridError

#: The form of a batch's name, as a regular expression for the workflow's wildcard.
PATTERN = r"(?:[a-z_]+\.)?[0-9]+-[0-9]+"


@dataclass(frozen=True)
class Batch:
    """Replicates `first` to `last` (inclusive) of one noise, or of every noise of the task if `noise` is None."""

    first: int
    last: int
    noise: str | None = None

    @property
    def name(self) -> str:
        """The name of the batch, which is also the stem of the batch file."""
        return f"{self.noise}.{self.first}-{self.last}" if self.noise else f"{self.first}-{self.last}"

    @property
    def numbers(self) -> range:
        """The numbers of the replicates."""
        return range(self.first, self.last + 1)

    def holds(self, noise: str) -> bool:
        """Return whether the batch contains replicates of a noise."""
        return self.noise in (None, noise)


#: A batch that stands for every noise. No job trains this batch.
WHOLE = Batch(0, 0)


def batch_of(name: str) -> Batch:
    """Return the batch with the given name. Raise NoisegridError if the name is malformed."""
    if re.fullmatch(PATTERN, name) is None:
        raise NoisegridError(
            f"{name!r} is not a batch; write first-last, as in 0-9, or noise.first-last, as in algo.0-1"
        )
    noise, _, span = name.rpartition(".")
    first, last = map(int, span.split("-"))
    return Batch(first, last, noise or None)


def split(count: int, size: int, noise: str | None = None) -> list[Batch]:
    """Split replicates 0 to count - 1 into batches of `size` replicates; the last batch may be smaller."""
    return [Batch(first, min(first + size, count) - 1, noise) for first in range(0, count, size)]
