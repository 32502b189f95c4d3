"""Distances between pairs of replicates: churn, L2 between weights, correlation of logits."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from scipy.spatial.distance import pdist

from noisegrid.stats.intervals import Estimate, student_quantile

Array = np.ndarray
#: Limit on logits in memory, of all replicates together: half a gigabyte in float32.
LOGIT_VALUES = 125_000_000


def predictions_of(logits: Array, labels: Array) -> Array:
    """Convert logits to predictions.

    Parameters
    ----------
    logits : (..., examples, classes)
        Outputs of the network.
    labels : (examples,) or (examples, attributes)
        The labels. Only their number of axes is used.

    Returns
    -------
    (..., examples) or bool (..., examples, attributes)
        The most likely class, or for each attribute whether its logit is positive.
    """
    predicted: Array = logits.argmax(axis=-1) if labels.ndim == 1 else (logits > 0)
    return predicted


def churn_matrix(predictions: Array) -> Array:
    """Compute the fraction of examples on which two replicates differ, for all pairs of replicates.

    Parameters
    ----------
    predictions : (replicates, examples)
        The predicted classes.

    Returns
    -------
    (replicates, replicates)
        Symmetric, zero on the diagonal.
    """
    n = len(predictions)
    matrix = np.zeros((n, n))
    for i, j in combinations(range(n), 2):
        matrix[i, j] = matrix[j, i] = np.mean(predictions[i] != predictions[j])
    return matrix


def pair_mean(matrix: Array, wanted: Array | None = None, sets: Array | None = None) -> Estimate:
    """Estimate the mean distance between two replicates.

    The interval is a delete-one jackknife over replicates (over seed sets, if there are several), because pairs that
    share a replicate are not independent, and neither are replicates that share a seed set. Student's t has one degree
    of freedom less than there are replicates (seed sets).

    Parameters
    ----------
    matrix : (replicates, replicates)
        Symmetric. The diagonal is ignored.
    wanted : bool (replicates, replicates), optional
        The pairs to include. By default all.
    sets : (replicates,), optional
        Number of the seed set of each replicate.

    Returns
    -------
    Estimate
        Value with its 95 % interval. The ends are NaN where leaving one unit out leaves no pair.

    References
    ----------
    Arvesen, Jackknifing U-statistics, Ann. Math. Stat. 40 (1969).
    """
    n = len(matrix)
    mask = ~np.eye(n, dtype=bool) if wanted is None else wanted & ~np.eye(n, dtype=bool)
    units = np.arange(n) if sets is None or len(np.unique(sets)) == 1 else sets
    member = (units[:, None] == np.unique(units)).astype(float)
    sums, counts = (member.T @ (part * mask) @ member for part in (matrix, np.ones_like(matrix)))
    value = sums.sum() / counts.sum()
    # sums without one unit: the total minus its row and its column, which have its own block in common
    left_sums, left_counts = (part.sum() - 2 * part.sum(axis=1) + part.diagonal() for part in (sums, counts))
    if left_counts.min() < 1:
        return Estimate(float(value), np.nan, np.nan)
    without, left_out = left_sums / left_counts, len(left_sums)
    error = np.sqrt((left_out - 1) / left_out * np.sum((without - without.mean()) ** 2))
    margin = student_quantile(left_out - 1) * error
    return Estimate(float(value), float(max(0.0, value - margin)), float(value + margin))


def l2_matrices(weights: Sequence[Array], parameters: int, chunk: int = 1 << 20) -> dict[str, Array]:
    """Compute L2 distances between weight vectors under four definitions.

    The sums run over differences in float64, so that the distance of equal vectors is exactly 0.

    Parameters
    ----------
    weights : sequence of (values,)
        One vector per replicate, parameters before buffers. Vectors may be memory-mapped.
    parameters : int
        Number of parameters in a vector.
    chunk : int
        Number of values of each vector that are in memory at a time.

    Returns
    -------
    dict of (replicates, replicates)
        `raw` and `unit` (every vector scaled to length 1 first) over the parameters alone; `raw_buffers` and
        `unit_buffers` over the parameters and the running statistics of batch norm.
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
    """Choose the examples for the logit correlation: all, or as many evenly spaced ones as LOGIT_VALUES allows.

    Parameters
    ----------
    replicates : int
        Number of replicates.
    shape : (int, int)
        Numbers of examples and classes.

    Returns
    -------
    int (chosen examples,)
        Indices of the examples.
    """
    examples, classes = shape
    wanted = max(1, min(examples, LOGIT_VALUES // (replicates * classes)))
    return np.linspace(0, examples - 1, wanted).astype(int)


def logit_correlation_matrix(logits: Array) -> Array:
    """Compute the Pearson correlation between the logits of two replicates, for all pairs of replicates.

    The mean logit of each example is subtracted first, because a constant added to all logits of an example changes no
    prediction.

    Parameters
    ----------
    logits : (replicates, examples, classes)
        Outputs of the networks.

    Returns
    -------
    (replicates, replicates)
        Symmetric, one on the diagonal.
    """
    centred = logits - logits.mean(axis=2, keepdims=True)
    matrix: Array = np.corrcoef(centred.reshape(len(logits), -1))
    return matrix
