"""A division of the test examples into parts, such as classes, in which correct predictions are counted."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Parts:
    """A division of examples into parts. Examples are sorted by part only once, however often predictions are counted.

    Attributes
    ----------
    of : int (examples,)
        Index of the part of each example.
    count : int
        Number of parts; some of them may be empty.
    """

    of: Array
    count: int

    @cached_property
    def sizes(self) -> Array:
        """The number of examples in each part, as an array of shape (parts,)."""
        return np.bincount(self.of, minlength=self.count)

    @cached_property
    def _sorted(self) -> tuple[Array, Array, Array]:
        """The examples sorted by part, the indices of the parts that have any, and where these parts start."""
        order = np.argsort(self.of, kind="stable")
        present, starts = np.unique(self.of[order], return_index=True)
        return order, present, starts

    def hits(self, correct: Array) -> Array:
        """Count the correct predictions in each part.

        Parameters
        ----------
        correct : bool (..., examples)
            Whether each prediction is correct.

        Returns
        -------
        int (..., parts)
            The counts.
        """
        order, present, starts = self._sorted
        hits = np.zeros((*correct.shape[:-1], self.count), np.int64)
        if len(order):
            hits[..., present] = np.add.reduceat(correct[..., order], starts, axis=-1, dtype=np.int64)
        return hits

    def only(self, examples: Array) -> "Parts":
        """Return the division of some of the examples, given their indices, into the same parts."""
        return Parts(self.of[examples], self.count)


def whole(examples: int) -> Parts:
    """Return a division of examples into a single part."""
    return Parts(np.zeros(examples, np.int64), 1)
