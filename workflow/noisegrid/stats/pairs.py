"""Comparisons of pairs of replicates: churn, the L2 distance between weights, and the correlation between logits."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from scipy.spatial.distance import pdist, squareform

from noisegrid.stats.intervals import Estimate, student_interval

Array = np.ndarray
#: Largest number of logits of all replicates together from which the correlation is computed.
LOGIT_VALUES = 125_000_000


class Rows(Protocol):
    """An array, or anything with a length and a shape whose slices are arrays, such as an array that stays on disk."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""

    def __len__(self) -> int:
        """Return the length of the first axis."""

    def __getitem__(self, key: slice, /) -> Array:
        """Return a slice of the first axis."""


def churn_matrix(predictions: Array, tolerance: float | None = None) -> Array:
    """Compute, for every pair of replicates, the fraction of examples on which their predictions differ.

    Parameters
    ----------
    predictions : (replicates, examples)
        The predicted classes, or the predicted values.
    tolerance : float, optional
        For values, the largest difference that does not count.

    Returns
    -------
    (replicates, replicates)
        The fractions. The matrix is symmetric, with zeros on the diagonal.
    """
    n = len(predictions)
    matrix = np.zeros((n, n))
    for i in range(n - 1):
        one, others = predictions[i], predictions[i + 1 :]
        differing = others != one if tolerance is None else np.abs(others - one) > tolerance
        matrix[i, i + 1 :] = matrix[i + 1 :, i] = np.count_nonzero(differing, axis=1) / predictions.shape[1]
    return matrix


def pair_mean(matrix: Array, wanted: Array | None = None, sets: Array | None = None) -> Estimate:
    """Estimate the mean of a distance over pairs of replicates.

    Pairs that share a replicate are not independent, and neither are replicates that share a seed set. The interval
    therefore comes from a delete-one jackknife, which leaves out one unit at a time. A unit is a replicate or, if there
    are several seed sets, all replicates of one seed set. Student's t has as many degrees of freedom as there are
    units, minus one.

    If no replicate is typical, as where half of the replicates reach one network and half another, leaving out any
    replicate changes nothing, and the jackknife sees no variance. The variance of such a mean is at least
    2 Var(d) / (n (n - 1)), where Var(d) is the variance of the distance of a pair, by Hoeffding's decomposition. If all
    pairs of independent replicates are wanted, the standard error is therefore at least the root of this.

    Parameters
    ----------
    matrix : (replicates, replicates)
        The distance between each pair of replicates. The matrix is symmetric, and its diagonal is ignored.
    wanted : bool (replicates, replicates), optional
        Whether to include each pair. By default, all pairs are included.
    sets : (replicates,), optional
        Index of the seed set of each replicate.

    Returns
    -------
    Estimate
        The mean with its 95 % interval. Both ends are NaN if no pairs remain after some unit is left out.

    References
    ----------
    Arvesen, Jackknifing U-statistics, Ann. Math. Stat. 40 (1969).
    Hoeffding, A class of statistics with asymptotically normal distribution, Ann. Math. Stat. 19 (1948).
    """
    n = len(matrix)
    mask = ~np.eye(n, dtype=bool) if wanted is None else wanted & ~np.eye(n, dtype=bool)
    sums, counts = matrix * mask, mask.astype(float)
    if sets is not None and len(np.unique(sets)) > 1:  # the units are the sets
        member = (sets[:, None] == np.unique(sets)).astype(float)
        sums, counts = (member.T @ part @ member for part in (sums, counts))
    value = sums.sum() / counts.sum()
    # sum without one unit: the total minus the unit's row and column; their common entry is added back
    left_sums, left_counts = (part.sum() - 2 * part.sum(axis=1) + part.diagonal() for part in (sums, counts))
    if left_counts.min() < 1:
        return Estimate(float(value), np.nan, np.nan)
    without, left_out = left_sums / left_counts, len(left_sums)
    error = np.sqrt((left_out - 1) / left_out * np.sum((without - without.mean()) ** 2))
    if mask.sum() == n * (n - 1) and left_out == n:
        pairs = matrix[np.triu_indices(n, 1)]
        error = max(error, np.sqrt(2 * np.mean((pairs - value) ** 2) / (n * (n - 1))))
    estimate = student_interval(float(value), float(error), left_out - 1)
    return estimate._replace(low=max(0.0, estimate.low))


def l2_raw_matrix(weights: Sequence[Rows], block: int = 1 << 14) -> Array:
    """Compute the L2 distances between all pairs of weight vectors, reading every vector only once.

    Parameters
    ----------
    weights : sequence of (values,)
        One vector per replicate. Vectors may be memory-mapped.
    block : int
        Number of values of each vector to hold in memory at a time.

    Returns
    -------
    (replicates, replicates)
        The distances, which are exactly 0 between equal vectors.
    """
    pieces = _blocks(weights, 0, len(weights[0]), block)
    squares = sum((pdist(piece, "sqeuclidean") for piece in pieces), np.zeros(1))
    matrix: Array = squareform(np.sqrt(squares))
    return matrix


def l2_matrices(weights: Sequence[Rows], parameters: int, block: int = 1 << 14) -> dict[str, Array]:
    """Compute the L2 distances between all pairs of weight vectors, by four definitions.

    The distances are computed from differences between the vectors, in float64. The distance between equal vectors is
    therefore exactly 0.

    Parameters
    ----------
    weights : sequence of (values,)
        One vector per replicate, with the parameters before the buffers. Vectors may be memory-mapped, or any object
        with a length whose slices are arrays.
    parameters : int
        Number of parameters in each vector.
    block : int
        Number of values of each vector to hold in memory at a time. The blocks of ten vectors fit into the cache of a
        processor core.

    Returns
    -------
    dict of (replicates, replicates)
        `raw` is the distance between the parameters. `unit` is the distance after every vector of parameters has been
        scaled to length 1. `raw_buffers` and `unit_buffers` are the same distances between vectors that also contain
        the buffers (the running statistics of batch norm).
    """
    parts = [(0, parameters), (parameters, len(weights[0]))]
    squares = [
        sum((np.einsum("ij,ij->i", x, x) for x in _blocks(weights, *part, block)), np.zeros(len(weights)))
        for part in parts
    ]
    scales, scales_buffers = (np.where(s > 0, np.sqrt(s), 1)[:, None] for s in (squares[0], squares[0] + squares[1]))
    raw, unit, raw_buffers, unit_buffers = np.zeros((4, len(weights) * (len(weights) - 1) // 2))
    for pieces in _blocks(weights, *parts[0], block):
        raw += pdist(pieces, "sqeuclidean")
        unit += pdist(pieces / scales, "sqeuclidean")
        unit_buffers += pdist(pieces / scales_buffers, "sqeuclidean")
    for pieces in _blocks(weights, *parts[1], block):
        raw_buffers += pdist(pieces, "sqeuclidean")
        unit_buffers += pdist(pieces / scales_buffers, "sqeuclidean")
    pairs = {"raw": raw, "unit": unit, "raw_buffers": raw + raw_buffers, "unit_buffers": unit_buffers}
    return {name: squareform(np.sqrt(values)) for name, values in pairs.items()}


#: The largest number of values of all vectors together that are held in memory at a time.
BLOCK_VALUES = 1 << 23


def _blocks(vectors: Sequence[Rows], first: int, last: int, size: int) -> Iterator[Array]:
    """Yield consecutive blocks of the values from `first` to `last` of all vectors, as float64 (vectors, values)."""
    size = max(1, min(size, BLOCK_VALUES // len(vectors)))
    for start in range(first, last, size):
        yield np.array([vector[start : min(start + size, last)] for vector in vectors], np.float64)


def logit_sample(replicates: int, shape: tuple[int, ...]) -> Array:
    """Choose the examples for the logit correlation.

    If all replicates together have at most LOGIT_VALUES logits, all examples are chosen. Otherwise, as many evenly
    spaced examples are chosen as this limit allows.

    Parameters
    ----------
    replicates : int
        Number of replicates.
    shape : (int, int)
        Number of examples and number of classes.

    Returns
    -------
    int (chosen examples,)
        Indices of the chosen examples.
    """
    examples, classes = shape
    wanted = max(1, min(examples, LOGIT_VALUES // (replicates * classes)))
    return np.linspace(0, examples - 1, wanted).astype(int)


def logit_correlation_matrix(logits: Sequence[Rows]) -> Array:
    """Compute, for every pair of replicates, the Pearson correlation between their logits.

    The mean logit of each example is subtracted first, because adding a constant to all logits of an example does not
    change the prediction. The examples are those that `logit_sample` chooses; they are read block by block.

    Parameters
    ----------
    logits : sequence of (examples, classes)
        The outputs of each network: arrays, or any objects with a shape whose slices are arrays.

    Returns
    -------
    (replicates, replicates)
        The correlations. The matrix is symmetric, with ones on the diagonal.
    """
    count, (examples, classes) = len(logits), logits[0].shape
    chosen = logit_sample(count, (examples, classes))
    rows = max(1, BLOCK_VALUES // (count * classes))
    sums, products = np.zeros(count), np.zeros((count, count))
    for start in range(0, examples, rows):
        here = chosen[np.searchsorted(chosen, start) : np.searchsorted(chosen, start + rows)]
        if not len(here):
            continue
        block = np.empty((count, len(here), classes))
        for index, one in enumerate(logits):
            picked = one[start : start + rows][here - start]
            block[index] = picked - picked.mean(axis=1, keepdims=True)
        flat = block.reshape(count, -1)
        sums += flat.sum(axis=1)
        products += flat @ flat.T
    covariance = products - np.outer(sums, sums) / (len(chosen) * classes)
    scale = np.sqrt(np.diag(covariance))
    with np.errstate(invalid="ignore", divide="ignore"):
        matrix: Array = np.clip(covariance / np.outer(scale, scale), -1, 1)
    return matrix
