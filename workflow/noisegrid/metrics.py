"""What replicates of a cell say about noise: pure functions on arrays, NumPy and SciPy only.

Shapes: `predictions` (replicates, examples) of class indices, `labels` (examples,), `correct` (replicates, examples) of
booleans, `logits` (replicates, examples, classes). Fractions are between 0 and 1; `measure` turns them into percent.

Definitions: paper, section 3 (churn, L2, standard deviation of top-1), in the corrected reading; the reference
artifact's own readings, where they differ, carry `artifact` in their names (paper.md, 1.5).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy import special
from scipy.spatial.distance import pdist

Array = np.ndarray
CONFIDENCE = 0.95
#: Logits of all replicates together that are held in memory: half a gigabyte in float32.
LOGIT_VALUES = 125_000_000
#: Permuted values (replicates x unstable examples x draws) that a null may cost: about ten seconds.
NULL_WORK = 400_000_000


class Estimate(NamedTuple):
    """A value with its interval (95 % unless the function says otherwise)."""

    value: float
    low: float
    high: float


def student_quantile(freedom: int) -> float:
    """Two-sided critical value of Student's t. (scipy.special, since scipy.stats takes ten times as long to import.)"""
    return float(special.stdtrit(freedom, (1 + CONFIDENCE) / 2))


# --- mean and spread over replicates -------------------------------------------------------------------------------


def mean(values: Array, sets: Array | None = None) -> Estimate:
    """Mean of (replicates,) with Student's t interval.

    sets (replicates,): numbers of sets that hold the same seeds. Runs of one are not independent of each other, so with
    several the mean is that of the sets' means, and what varies is the sets: t on sets - 1.
    """
    if sets is not None and len(kinds := np.unique(sets)) > 1:
        values = np.array([values[sets == kind].mean() for kind in kinds])
    centre, error = values.mean(), values.std(ddof=1) / np.sqrt(len(values))
    margin = student_quantile(len(values) - 1) * error
    return Estimate(float(centre), float(centre - margin), float(centre + margin))


def spread(values: Array) -> Array:
    """Standard deviation (ddof 1) over the first axis, exactly 0 where all replicates are equal.

    Taken from the first replicate's values, since the rounding of a mean would turn equal values into 1e-14.
    """
    deviation: Array = np.std(values - values[0], axis=0, ddof=1)
    return deviation


def pooled_spread(values: Array, groups: Array) -> Array:
    """`spread` around each group's own mean: values (replicates, ...), groups (replicates,) of group numbers.

    A group of one says nothing; NaN where there is no other.
    """
    kinds, counts = np.unique(groups, return_counts=True)
    freedom = int((counts - 1).sum())
    if freedom == 0:
        return np.full(values.shape[1:], np.nan)
    several = kinds[counts > 1]
    squares = sum(spread(values[groups == kind]) ** 2 * ((groups == kind).sum() - 1) for kind in several)
    pooled: Array = np.sqrt(squares / freedom)
    return pooled


def std(values: Array) -> Estimate:
    """`spread` of (replicates,) with the chi-square interval, which assumes near-normal values."""
    return std_interval(float(spread(values)), len(values) - 1)


def std_interval(value: float, freedom: int) -> Estimate:
    """The chi-square interval of a standard deviation with so many degrees of freedom."""
    tails = special.chdtri(freedom, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    low, high = value * np.sqrt(freedom / tails)
    return Estimate(value, float(low), float(high))


# --- pairs of replicates -------------------------------------------------------------------------------------------


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


# --- parts of the data: classes --------------------------------------------------------------------------------------


def class_accuracies(correct: Array, labels: Array, classes: int) -> Array:
    """Accuracy of each replicate on each class: (replicates, classes). A class without examples is NaN."""
    order = np.argsort(labels, kind="stable")
    present, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    accuracies = np.full((len(correct), classes), np.nan)
    accuracies[:, present] = np.add.reduceat(correct[:, order], starts, axis=1, dtype=np.int64) / counts
    return accuracies


class Null(NamedTuple):
    """What a statistic would be if examples erred independently: its median and central 95 % range."""

    median: Array
    low: Array
    high: Array


def independent_error_null(
    correct: Array,
    statistic: Callable[[Array], Array],
    rng: np.random.Generator,
    draws: int | None = None,
    groups: Array | None = None,
) -> Null:
    """The independent-error null of a statistic of `correct` (replicates, examples).

    Each example keeps how often it was right, but in which replicates is redrawn, independently of all other examples:
    what is left is the spread that plain sampling gives (Jordan, ICLR 2024). Examples that are always right or always
    wrong stay as they are, so only the others are permuted. By default 1,000 draws, fewer (at least 200) where one is
    large. `groups` (replicates,) keeps permutations inside a group.
    """
    unstable = np.flatnonzero(correct.any(axis=0) & ~correct.all(axis=0))
    members = [np.arange(len(correct))] if groups is None else [np.flatnonzero(groups == g) for g in np.unique(groups)]
    blocks = [(np.ix_(rows, unstable), correct[np.ix_(rows, unstable)]) for rows in members]
    if draws is None:
        draws = int(np.clip(NULL_WORK // max(1, len(correct) * len(unstable)), 200, 1000))
    shuffled = correct.copy()
    values = []
    for _ in range(draws):
        for place, block in blocks:
            shuffled[place] = rng.permuted(block, axis=0)
        values.append(statistic(shuffled))
    low, median, high = np.quantile(values, [(1 - CONFIDENCE) / 2, 0.5, (1 + CONFIDENCE) / 2], axis=0)
    return Null(median, low, high)


def spread_ratio(class_std: Array, overall_std: float) -> Array:
    """Per-class over overall standard deviation; NaN where the overall one is 0."""
    return class_std / overall_std if overall_std > 0 else np.full_like(class_std, np.nan)


def group_spreads(correct: Array, positive: Array, masks: Array, pair_of: Array) -> Array:
    """Spread over replicates of accuracy, false-positive and false-negative rate, overall and in each group.

    correct: (replicates, examples) for one yes-or-no attribute; positive: (examples,) its truth; masks: (groups,
    examples). Returns (3, 1 + groups) in fractions, overall first; NaN where a group has no such examples.
    """
    wrong = (~correct).astype(np.float64)
    members = np.concatenate([np.ones((1, masks.shape[1]), bool), masks]).astype(np.float64)
    parts = [members, members * ~positive, members * positive]  # FPR = FP / negatives, FNR = FN / positives
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([pooled_spread(wrong @ part.T / part.sum(axis=1), pair_of) for part in parts])


# --- calibration -----------------------------------------------------------------------------------------------------


def softmax(logits: Array) -> Array:
    """Probabilities along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: Array = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities


def expected_calibration_error(probabilities: Array, labels: Array, bins: int = 15) -> float:
    """ECE of one replicate, probabilities (examples, classes): gap between confidence and accuracy, in equal-width
    bins of confidence, weighted by their share of the examples (Guo et al., ICML 2017)."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(index, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


# --- the reference artifact's own readings ---------------------------------------------------------------------------


def artifact_std(values: Array) -> float:
    """np.std with ddof 0: 7.7 % below the sample standard deviation for ten replicates (paper.md 1.5, item 4)."""
    return float(np.std(values - values[0]))


def artifact_agreement(half_predictions: Array) -> float:
    """What the artifact prints as churn: mean *agreement* over pairs, after half of the epochs (items 1 and 2)."""
    return 1.0 - pair_mean(churn_matrix(half_predictions)).value


# --- how large a difference can be seen ------------------------------------------------------------------------------


def significant_difference(deviation: float, n: int) -> float:
    """The smallest observed gain between two methods, n runs each, that a t test calls real at 95 %."""
    return float(student_quantile(2 * n - 2) * deviation * np.sqrt(2 / n))


def replicates_needed(deviation: float, gain: float, power: float = 0.8, limit: int = 100_000) -> int | None:
    """Runs per method so that a true gain is called real at 95 % (two-sided) with this power.

    None above limit, or where the deviation is not known (NaN).
    """
    if math.isnan(deviation):
        return None
    enough = 2
    while t_test_power(deviation, gain, enough) < power:
        enough *= 2
        if enough > limit:
            return None
    low, high = enough // 2, enough
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if t_test_power(deviation, gain, middle) >= power else (middle, high)
    return high


def t_test_power(deviation: float, gain: float, n: int) -> float:
    """Probability that a two-sided two-sample t test at 95 % sees a true gain with n runs each (noncentral t)."""
    if n < 2:
        return 0.0
    if deviation == 0:
        return 1.0
    freedom, shift = 2 * n - 2, gain / (deviation * np.sqrt(2 / n))
    critical = student_quantile(freedom)
    return float(1 - special.nctdtr(freedom, shift, critical) + special.nctdtr(freedom, shift, -critical))


# --- what determinism costs ----------------------------------------------------------------------------------------


def median(values: Array | Sequence[float]) -> float:
    """Median of (values,)."""
    return float(np.median(np.asarray(values, dtype=float)))


def median_interval(values: Array | Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """Median of (values,) with the interval between two order statistics, which assumes nothing of the distribution.

    At least `confidence`; NaN where so few values cannot give it (95 %: below six).
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    n = len(ordered)
    # the largest k with P(at most k - 1 of n values below the median) <= (1 - confidence) / 2
    tails = special.bdtr(np.arange(n), n, 0.5)
    k = int((tails <= (1 - confidence) / 2).sum())
    low, high = (ordered[k - 1], ordered[n - k]) if k else (np.nan, np.nan)
    return Estimate(median(ordered), float(low), float(high))


def ratio_of_blocks(values: Sequence[float], reference: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """Ratio of two arms' times, block by block: each block stands beside the one that was timed next to it."""
    pairs = zip(values, reference, strict=False)  # a run that was cut off has a block more of one arm
    return median_interval([value / other for value, other in pairs], confidence)
