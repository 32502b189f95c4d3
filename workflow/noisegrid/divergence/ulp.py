"""How far two floating-point values are apart, in units in the last place (ULP) and relative to the larger one."""

from dataclasses import dataclass

import numpy as np

from noisegrid.divergence.trace import Value

#: For each dtype, the size of a value in bits and NumPy's dtype of equal size; bfloat16 is the upper half of a float32.
FLOATS = {
    "float16": (16, np.float16), "bfloat16": (16, None), "float32": (32, np.float32), "float64": (64, np.float64),
    "complex64": (32, np.float32), "complex128": (64, np.float64),
}  # fmt: skip


@dataclass(frozen=True)
class Distance:
    """The differences of two tensors.

    Attributes
    ----------
    values : int
        The number of values of each tensor; a complex number has two.
    compared, differing : int
        The number of values that were compared, and that differ.
    ulp : tuple of int or None
        The smallest and the largest difference among those that differ, in ULP; None if no finite value differs.
    relative : float
        The norm of the difference relative to the norm of the first tensor, over the finite values.
    not_finite : int
        How many of the differing values are infinite or not a number on at least one side.
    """

    values: int
    compared: int
    differing: int
    ulp: tuple[int, int] | None
    relative: float
    not_finite: int = 0


def sampled(a: Value, b: Value) -> Distance | None:
    """Return how far the samples of two outputs are apart; None if they cannot be compared."""
    return distance(np.array(a.sample, np.int64), np.array(b.sample, np.int64), a, b)


def distance(first: np.ndarray, second: np.ndarray, a: Value, b: Value) -> Distance | None:
    """Return how far the bits of some or all values of two tensors are apart; None if they cannot be compared."""
    if a.dtype != b.dtype or a.dtype not in FLOATS or a.shape != b.shape or len(first) != len(second):
        return None
    count = int(np.prod(a.shape)) * (2 if a.dtype.startswith("complex") else 1)
    return between(first, second, a.dtype, count)


def between(a: np.ndarray, b: np.ndarray, dtype: str, count: int | None = None) -> Distance:
    """Return how far two arrays of bit patterns are apart.

    Parameters
    ----------
    a, b : integers (values,)
        The bit patterns.
    dtype : str
        The dtype of the values, one of FLOATS.
    count : int, optional
        The number of values of the whole tensors, if these arrays are samples of them.
    """
    size, _ = FLOATS[dtype]
    first, second = ordered(a, size), ordered(b, size)
    steps = np.where(first > second, first - second, second - first)
    x, y = values(a, dtype), values(b, dtype)
    finite = np.isfinite(x) & np.isfinite(y)
    apart = steps[(steps > 0) & finite]
    with np.errstate(over="ignore"):
        norm = float(np.linalg.norm(x[finite]))
        difference = float(np.linalg.norm(x[finite] - y[finite]))
    return Distance(
        values=len(a) if count is None else count,
        compared=len(a),
        differing=int((steps > 0).sum()),
        ulp=(int(apart.min()), int(apart.max())) if len(apart) else None,
        relative=difference / norm if norm > 0 else float(difference > 0),
        not_finite=int(((steps > 0) & ~finite).sum()),
    )


def ordered(bits: np.ndarray, size: int) -> np.ndarray:
    """Return unsigned integers in the order of the floats: neighbouring floats differ by one, and both zeros are equal.

    Parameters
    ----------
    bits : integers (values,)
        Bit patterns of floats of `size` bits.
    """
    sign = np.uint64(1 << (size - 1))
    unsigned = bits.astype(f"int{size}").view(f"uint{size}").astype(np.uint64)
    return np.where(unsigned < sign, unsigned + sign, sign - (unsigned & (sign - np.uint64(1))))


def values(bits: np.ndarray, dtype: str) -> np.ndarray:
    """Return the floats with these bit patterns, as float64."""
    size, kind = FLOATS[dtype]
    if kind is None:
        return (bits.astype(np.int64) << 16).astype(np.int32).view(np.float32).astype(np.float64)
    return bits.astype(f"int{size}").view(kind).astype(np.float64)
