"""How far two floating-point values are apart, in units in the last place (ULP) and relative to the larger one."""

from dataclasses import dataclass

import numpy as np

from noisegrid.divergence.trace import Value

#: For each dtype, the bits of a value and NumPy's dtype of equal size; bfloat16 is the upper half of a float32.
FLOATS = {"float16": (16, np.float16), "bfloat16": (16, None), "float32": (32, np.float32), "float64": (64, np.float64)}


@dataclass(frozen=True)
class Distance:
    """The differences of two tensors.

    Attributes
    ----------
    compared, differing : int
        The number of values that were compared, and that differ.
    ulp : tuple of int or None
        The smallest and the largest difference among those that differ, in ULP; None if no value differs.
    relative : float
        The norm of the difference relative to the norm of the first tensor.
    """

    compared: int
    differing: int
    ulp: tuple[int, int] | None
    relative: float


def distance(a: Value, b: Value) -> Distance | None:
    """Return how far the samples of two outputs are apart; None if they cannot be compared."""
    if a.dtype != b.dtype or a.dtype not in FLOATS or len(a.sample) != len(b.sample):
        return None
    return between(np.array(a.sample, np.int64), np.array(b.sample, np.int64), a.dtype)


def between(a: np.ndarray, b: np.ndarray, dtype: str) -> Distance:
    """Return how far two arrays of bit patterns are apart.

    Parameters
    ----------
    a, b : int64 (values,)
        The bit patterns, sign-extended.
    dtype : str
        The dtype of the values, one of FLOATS.
    """
    size, _ = FLOATS[dtype]
    steps = np.array([abs(int(x) - int(y)) for x, y in zip(ordered(a, size), ordered(b, size), strict=True)], object)
    apart = steps[steps > 0]
    x, y = values(a, dtype), values(b, dtype)
    norm = float(np.linalg.norm(x))
    relative = float(np.linalg.norm(x - y)) / norm if norm > 0 else float(np.any(x != y))
    return Distance(len(a), len(apart), (int(apart.min()), int(apart.max())) if len(apart) else None, relative)


def ordered(bits: np.ndarray, size: int) -> list[int]:
    """Return integers in the order of the floats, so that neighbouring floats differ by one; both zeros are 0."""
    sign = 1 << (size - 1)
    return [int(one) if one >= 0 else -(int(one) % (1 << size) - sign) for one in bits]


def values(bits: np.ndarray, dtype: str) -> np.ndarray:
    """Return the floats with these bit patterns, as float64."""
    size, kind = FLOATS[dtype]
    if kind is None:
        return (bits.astype(np.int64) << 16).astype(np.int32).view(np.float32).astype(np.float64)
    return bits.astype(f"int{size}").view(kind).astype(np.float64)
