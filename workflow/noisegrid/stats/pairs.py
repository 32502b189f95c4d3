"""Distances between pairs of replicates: churn, L2 between weights, correlation of logits."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from scipy.spatial.distance import pdist

from noisegrid.stats.intervals import Estimate, student_quantile

Array = np.ndarray
#: Logits of all replicates together that are held in memory: half a gigabyte in float32.
LOGIT_VALUES = 125_000_000


def predictions_of(logits: Array, labels: Array) -> Array:
    """What logits (..., examples, classes) predict: the likeliest class (..., examples), or, where labels are
    (examples, attributes), each attribute's own yes or no (..., examples, attributes)."""
    predicted: Array = logits.argmax(axis=-1) if labels.ndim == 1 else (logits > 0)
    return predicted


def churn_matrix(predictions: Array) -> Array:
    """Fraction of examples on which two replicates differ: (replicates, replicates), zero on the diagonal."""
    n = len(predictions)
    matrix = np.zeros((n, n))
    for i, j in combinations(range(n), 2):
        matrix[i, j] = matrix[j, i] = np.mean(predictions[i] != predictions[j])
    return matrix


def pair_mean(matrix: Array, wanted: Array | None = None, sets: Array | None = None) -> Estimate:
    """Mean over pairs of a symmetric (replicates, replicates) matrix, with an interval over *runs*.

    Pairs that share a run are not independent, so each run is left out in turn: the delete-one jackknife of a
    U-statistic of degree two (Arvesen 1969), with Student's t on replicates - 1. Nor are runs that hold the same seeds:
    with several `sets` (replicates,) a whole set is left out, with t on sets - 1. `wanted` (replicates, replicates) of
    booleans picks pairs; None means all. Where leaving one out leaves no pair, low and high are NaN.
    """
    n = len(matrix)
    mask = ~np.eye(n, dtype=bool) if wanted is None else wanted & ~np.eye(n, dtype=bool)
    units = np.arange(n) if sets is None or len(np.unique(sets)) == 1 else sets
    member = (units[:, None] == np.unique(units)).astype(float)
    sums, counts = (member.T @ (part * mask) @ member for part in (matrix, np.ones_like(matrix)))
    value = sums.sum() / counts.sum()
    # what is left without one unit: all, less its row and its column, which share its own block
    left_sums, left_counts = (part.sum() - 2 * part.sum(axis=1) + part.diagonal() for part in (sums, counts))
    if left_counts.min() < 1:
        return Estimate(float(value), np.nan, np.nan)
    without, left_out = left_sums / left_counts, len(left_sums)
    error = np.sqrt((left_out - 1) / left_out * np.sum((without - without.mean()) ** 2))
    margin = student_quantile(left_out - 1) * error
    return Estimate(float(value), float(max(0.0, value - margin)), float(value + margin))


def l2_matrices(weights: Sequence[Array], parameters: int, chunk: int = 1 << 20) -> dict[str, Array]:
    """Distances between weight vectors (values,), in four readings, each (replicates, replicates).

    `raw` and `unit` (every vector scaled to length one first), each over the parameters alone and, as `*_buffers`, over
    parameters and batch norm's running statistics. Vectors may be memory-mapped: a chunk of each is held at a time.
    The sums run in float64 over differences, so that equal vectors are at distance exactly 0.
    """
    parts = {"": slice(0, parameters), "_buffers": slice(0, len(weights[0]))}
    matrices = {}
    for suffix, part in parts.items():
        lengths = np.sqrt([sum(float(c @ c) for c in _chunks(w[part], chunk)) for w in weights])
        matrices[f"raw{suffix}"] = _distances([w[part] for w in weights], np.ones(len(weights)), chunk)
        matrices[f"unit{suffix}"] = _distances([w[part] for w in weights], np.where(lengths > 0, lengths, 1), chunk)
    return matrices


def _chunks(vector: Array, size: int) -> Iterator[Array]:
    return (vector[start : start + size].astype(np.float64) for start in range(0, len(vector), size))


def _distances(vectors: Sequence[Array], scales: Array, chunk: int) -> Array:
    n = len(vectors)
    squares = np.zeros(n * (n - 1) // 2)
    for pieces in zip(*(_chunks(vector, chunk) for vector in vectors), strict=True):
        squares += pdist(np.stack(pieces) / scales[:, None], "sqeuclidean")
    matrix = np.zeros((n, n))
    matrix[np.triu_indices(n, 1)] = np.sqrt(squares)
    return matrix + matrix.T


def logit_sample(replicates: int, shape: tuple[int, ...]) -> Array:
    """Which examples the logit correlation looks at: all, or as many, evenly spaced, as LOGIT_VALUES allow."""
    examples, classes = shape
    wanted = max(1, min(examples, LOGIT_VALUES // (replicates * classes)))
    return np.linspace(0, examples - 1, wanted).astype(int)


def logit_correlation_matrix(logits: Array) -> Array:
    """Pearson correlation of two replicates' logits, over examples and classes, each example's mean taken out first.

    (A constant added to all logits of an example changes no prediction.) (replicates, replicates), one on the diagonal.
    """
    centred = logits - logits.mean(axis=2, keepdims=True)
    matrix: Array = np.corrcoef(centred.reshape(len(logits), -1))
    return matrix
