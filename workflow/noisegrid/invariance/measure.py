"""How the outputs under a condition differ from those under the reference. This module imports no PyTorch."""

from dataclasses import dataclass

import numpy as np

from noisegrid.divergence import ulp
from noisegrid.divergence.compare import Cause
from noisegrid.invariance.conditions import Condition


@dataclass(frozen=True)
class Logits:
    """The outputs of all examples, as bit patterns.

    Attributes
    ----------
    bits : integers (examples, ..., classes)
        The bit patterns.
    dtype : str
        The dtype of the values, such as `float32`.
    """

    bits: np.ndarray
    dtype: str

    def values(self) -> np.ndarray:
        """Return the values as float64."""
        return ulp.values(self.bits, self.dtype)

    def as_float32(self) -> "Logits":
        """Return the values as float32, which changes none of fewer bits."""
        return Logits(self.values().astype(np.float32).view(np.int32), "float32")


@dataclass(frozen=True)
class Change:
    """What a condition changes.

    Attributes
    ----------
    condition : Condition
        The condition.
    logits, classes : bool (examples,)
        Which examples have other logits, and which have another class. Zeros of different sign are equal.
    ulp : int or None
        The largest difference of two finite logits, in units in the last place of `dtype`; None if none differs.
    relative : float
        The norm of the difference divided by the norm of the logits under the reference.
    dtype : str
        The dtype in which logits were compared: that of both, or float32 if they differ.
    cause : Cause or None
        The first operation that differs for the first example with other logits, if one was found.
    """

    condition: Condition
    logits: np.ndarray
    classes: np.ndarray
    ulp: int | None
    relative: float
    dtype: str
    cause: Cause | None = None

    @property
    def examples(self) -> int:
        """The number of examples."""
        return len(self.logits)

    @property
    def in_tail(self) -> bool:
        """Whether some examples change, and all of them are in the last batch, which is smaller than the others."""
        tail = self.examples % self.condition.batch_size
        return bool(tail and self.logits.any() and not self.logits[: self.examples - tail].any())


def changed(reference: Logits, logits: Logits) -> np.ndarray:
    """Return which examples have other logits, as bool (examples,)."""
    one, other = _comparable(reference, logits)
    size, _ = ulp.FLOATS[one.dtype]
    apart = ulp.ordered(one.bits, size) != ulp.ordered(other.bits, size)
    return apart.reshape(len(apart), -1).any(axis=1)


def measured(condition: Condition, reference: Logits, logits: Logits, cause: Cause | None) -> Change:
    """Return what a condition changes."""
    one, other = _comparable(reference, logits)
    distance = ulp.between(one.bits.ravel(), other.bits.ravel(), one.dtype)
    classes = [side.values().argmax(axis=-1).reshape(len(side.bits), -1) for side in (one, other)]
    return Change(
        condition,
        changed(reference, logits),
        (classes[0] != classes[1]).any(axis=1),
        distance.ulp[1] if distance.ulp else None,
        distance.relative,
        one.dtype,
        cause,
    )


def _comparable(one: Logits, other: Logits) -> tuple[Logits, Logits]:
    return (one, other) if one.dtype == other.dtype else (one.as_float32(), other.as_float32())
