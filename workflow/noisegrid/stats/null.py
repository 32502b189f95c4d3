"""The independent-error null: the spread that would be expected if errors on different examples were independent."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import special

from noisegrid.stats.intervals import CONFIDENCE, Estimate, student_quantile
from noisegrid.stats.parts import Parts
from noisegrid.stats.spreads import pooled_spread

Array = np.ndarray
#: Number of values that can be permuted in about ten seconds, which limits the number of draws. Each draw permutes one
#: value per replicate and example, for the examples that only some of the replicates predict correctly.
NULL_WORK = 400_000_000
#: Largest number of values to permute, or to sort, at a time.
VALUES_AT_ONCE = 2_000_000
#: Largest number of draws times parts, so that the draws of one statistic take at most 80 MB (up to 50,000 parts).
VALUES_KEPT = 10_000_000
#: Largest share of the draws in which a statistic may be undefined. Beyond it, its null is undefined.
UNDEFINED_SHARE = 0.05
#: Two values that differ by a smaller factor are equal: they differ by rounding alone.
EQUAL = 1e-9
#: Share of false discoveries among all discoveries that is accepted on average.
FALSE_DISCOVERY_RATE = 0.05


class Null(NamedTuple):
    """A statistic compared with the values that it would have if errors on different examples were independent.

    Attributes
    ----------
    median, low, high : array
        Median and central 95 % range of the null. NaN if the statistic or its null is undefined.
    p : array
        The probability that the null is at least as large as the statistic (one-sided). NaN if either is undefined.
    left_out : array
        The share of draws in which the statistic is undefined. The range leaves these draws out; p counts them as at
        least as large as the statistic, so that p cannot be too small.
    """

    median: Array
    low: Array
    high: Array
    p: Array
    left_out: Array

    def at(self, *place: int) -> "Null":
        """Return the comparison of one of the statistics, given its indices."""
        return Null(*(field[place] for field in self))


def independent_error_draws(
    correct: Array,
    parts: Parts,
    statistic: Callable[[Array], Array],
    rng: np.random.Generator,
    draws: int | None = None,
    groups: Array | None = None,
) -> Array:
    """Draw the values that a statistic would have if errors on different examples were independent.

    Each example keeps its number of correct predictions. The replicates that predict it correctly are drawn at random,
    independently of all other examples. The spread that remains comes from sampling alone. Examples that all replicates
    or no replicates predict correctly are not permuted, because permuting them would change nothing.

    Parameters
    ----------
    correct : bool (replicates, examples)
        Whether each prediction is correct.
    parts : Parts
        The parts of the examples in which correct predictions are counted.
    statistic : callable
        Function of these counts. It takes an integer array of shape (replicates, draws, parts), and returns an array
        whose first axis is that of the draws.
    rng : Generator
        Source of the random numbers.
    draws : int, optional
        Number of permutations. By default, it is 1,000 or, if there are many predictions or parts, a smaller number,
        but at least 200.
    groups : (replicates,), optional
        Group of each replicate. Predictions are permuted only among replicates of the same group.

    Returns
    -------
    (draws, ...)
        What `statistic` returns for each draw. Values of one draw belong together, so that statistics of several parts,
        such as their maximum, can be computed from them.

    References
    ----------
    Jordan, On the variance of neural network training with respect to test sets and distributions, ICLR 2024.
    """
    changing = correct.any(axis=0) & ~correct.all(axis=0)
    unstable, stable = np.flatnonzero(changing), np.flatnonzero(~changing)
    members = _members(len(correct), groups)
    if draws is None:
        affordable = min(NULL_WORK // max(1, len(correct) * len(unstable)), VALUES_KEPT // parts.count)
        draws = int(np.clip(affordable, 200, 1000))
    always, sometimes = parts.only(stable).hits(correct[:, stable]), parts.only(unstable)
    values_per_draw = len(correct) * max(1, len(unstable), always.shape[-1])
    at_once = max(1, min(draws, VALUES_AT_ONCE // values_per_draw))
    values = np.empty(0)
    for first in range(0, draws, at_once):
        count = min(at_once, draws - first)
        hits = np.repeat(always[:, None], count, axis=1)
        for rows in members:
            tiled = np.tile(correct[np.ix_(rows, unstable)], (1, count))
            shuffled = rng.permuted(tiled, axis=0).reshape(len(rows), count, len(unstable))
            hits[rows] += sometimes.hits(shuffled)
        drawn = statistic(hits)
        if first == 0:
            values = np.empty((draws, *drawn.shape[1:]))
        values[first : first + count] = drawn
    return values


def _members(replicates: int, groups: Array | None) -> list[Array]:
    """Return the indices of the replicates of each group."""
    return [np.arange(replicates)] if groups is None else [np.flatnonzero(groups == g) for g in np.unique(groups)]


def compare_with_null(values: Array, draws: Array) -> Null:
    """Compare statistics with draws of their null.

    With D draws, of which k are at least as large as the statistic, p is (1 + k) / (1 + D). It is thus never zero, and
    at most as large as a level in at most this share of cases where the null is true.

    Parameters
    ----------
    values : (...)
        The statistics. NaN where a statistic is undefined.
    draws : (draws, ...)
        Draws of the null. NaN where the statistic is undefined in a draw. The null of a statistic is undefined if this
        is so in more than UNDEFINED_SHARE of its draws.

    Returns
    -------
    Null
        Arrays of the shape of `values`.

    References
    ----------
    Phipson & Smyth, Permutation p-values should never be zero, Stat. Appl. Genet. Mol. Biol. 9 (2010).
    """
    shape, values, draws = np.shape(values), np.ravel(values), draws.reshape(len(draws), -1)
    columns = max(1, VALUES_AT_ONCE // len(draws))
    blocks = [slice(first, first + columns) for first in range(0, len(values), columns)]
    found = [_compare_block(values[block], draws[:, block]) for block in blocks]
    return Null(*(np.concatenate(field).reshape(shape) for field in zip(*found, strict=True)))


def _compare_block(values: Array, draws: Array) -> Null:
    ordered = np.sort(draws.T, axis=1)  # NaN comes last
    defined = (~np.isnan(ordered)).sum(axis=1)
    left_out = 1 - defined / len(draws)
    smaller = (draws < values * (1 - EQUAL)).sum(axis=0)
    p = (1 + len(draws) - smaller) / (1 + len(draws))
    low, median, high = (_quantile(ordered, defined, q) for q in ((1 - CONFIDENCE) / 2, 0.5, (1 + CONFIDENCE) / 2))
    usable = ~np.isnan(values) & (left_out <= UNDEFINED_SHARE)
    median, low, high, p = (np.where(usable, field, np.nan) for field in (median, low, high, p))
    return Null(median, low, high, p, left_out)


def _quantile(ordered: Array, defined: Array, share: float) -> Array:
    """Interpolate a quantile of the first `defined` values of each row of sorted values."""
    position = share * np.maximum(defined - 1, 0)
    below = position.astype(np.int64)
    above = np.minimum(below + 1, np.maximum(defined - 1, 0))
    start, end = (np.take_along_axis(ordered, index[:, None], axis=1)[:, 0] for index in (below, above))
    quantile: Array = start + (end - start) * (position - below)
    return quantile


def exceeds(values: Array, limits: Array) -> Array:
    """Return which values exceed their limits by more than rounding errors. NaN exceeds nothing."""
    larger: Array = values > limits * (1 + EQUAL)
    return larger


def null_variance(correct: Array, parts: Parts, groups: Array | None = None) -> Array:
    """Compute the mean that the variance of the number of correct predictions has under the independent-error null.

    If c of n replicates predict an example correctly, permuting them contributes c (n - c) / n to the sum of squares.
    The variance is pooled over the groups, as in `pooled_spread`.

    Returns
    -------
    (parts,)
        The variances. Exactly 0 for a part of which no example is unstable. NaN if no group has two replicates.
    """
    members = [rows for rows in _members(len(correct), groups) if len(rows) > 1]
    if not members:
        return np.full(parts.count, np.nan)
    squares, freedom = np.zeros(parts.count), 0
    for rows in members:
        right = correct[rows].sum(axis=0)
        squares += parts.hits(right * (len(rows) - right)) / len(rows)
        freedom += len(rows) - 1
    return squares / freedom


def discoveries(values: Array, draws: Array) -> Array:
    """Find the parts whose statistic exceeds the null, at a false discovery rate of 5 % over all parts.

    The method is that of Benjamini and Hochberg. The p-value of a part is its share in the draws of all parts together,
    because one part has too few draws for the small p-values that many parts require. The expected number of false
    discoveries above a common threshold is then right even if the nulls of the parts differ.

    Parameters
    ----------
    values : (parts,)
        A statistic that is comparable between parts. NaN if it is undefined; such a part is no discovery.
    draws : (draws, parts)
        Joint draws of its null.

    Returns
    -------
    bool (parts,)
        Whether each part is a discovery.

    References
    ----------
    Benjamini & Hochberg, Controlling the false discovery rate, J. R. Stat. Soc. B 57 (1995).
    Ge, Dudoit & Speed, Resampling-based multiple testing for microarray data analysis, Test 12 (2003).
    """
    tested = np.flatnonzero(~np.isnan(values))
    found = np.zeros(len(values), bool)
    if not len(tested):
        return found
    order = tested[np.argsort(values[tested])]
    thresholds = values[order] * (1 - EQUAL)
    counts = np.zeros(len(order) + 1, np.int64)
    for draw in draws:
        counts += np.bincount(np.searchsorted(thresholds, draw[tested], side="right"), minlength=len(counts))
    at_least = counts[:0:-1].cumsum()  # from the largest statistic to the smallest
    found[order[::-1]] = benjamini_hochberg((1 + at_least) / (1 + draws.shape[0] * len(tested)))
    return found


def benjamini_hochberg(p: Array, rate: float = FALSE_DISCOVERY_RATE) -> Array:
    """Return which of the hypotheses with these p-values are rejected at the given false discovery rate."""
    order = np.argsort(p, kind="stable")
    passing = np.flatnonzero(p[order] <= rate * np.arange(1, len(p) + 1) / len(p))
    rejected = np.zeros(len(p), bool)
    rejected[order[: passing[-1] + 1 if len(passing) else 0]] = True
    return rejected


def count_above(correct: Array, parts: Parts, high: Array, sets: Array) -> Estimate:
    """Count the parts whose spread exceeds the null, with an interval for the mean count over repeated studies.

    Parts share the replicates and are not independent. Therefore, each replicate is left out in turn (or each seed set,
    if there are several), and the parts above the null are counted again. The interval is Student's t on the logit of
    the share of parts, with the delete-one jackknife error; to it is added, in squares, the binomial error, because the
    jackknife cannot see the error of a count that no single replicate changes.

    Parameters
    ----------
    correct : bool (replicates, examples)
        Whether each prediction is correct.
    parts : Parts
        The parts.
    high : (parts,)
        The upper end of the null's range of the standard deviation of the number of correct predictions. Parts with a
        NaN are not counted.
    sets : (replicates,)
        Index of the seed set of each replicate.

    Returns
    -------
    Estimate
        The count. It has no interval if leaving out leaves no group with two replicates.
    """
    unstable = np.flatnonzero(correct.any(axis=0) & ~correct.all(axis=0))
    correct, within = correct[:, unstable], parts.only(unstable)
    kinds, sizes = np.unique(sets, return_counts=True)
    freedom, total = len(sets) - len(kinds), int((~np.isnan(high)).sum())
    count = int(exceeds(pooled_spread(within.hits(correct), sets), high).sum())
    left = freedom - (sizes - 1) if len(kinds) > 1 else np.full(len(sets), freedom - 1)
    if not total or left.min() <= 0:
        return Estimate(count, np.nan, np.nan)
    squares, expected = _without_each_set(correct, within, sets) if len(kinds) > 1 else _without_each(correct, within)
    with np.errstate(invalid="ignore", divide="ignore"):
        excess = high**2 / null_variance(correct, within, sets)
    # the same excess of the variance is rarer with more degrees of freedom
    rarer = (
        special.chdtri(left, (1 - CONFIDENCE) / 2) / left / (special.chdtri(freedom, (1 - CONFIDENCE) / 2) / freedom)
    )
    counts = exceeds(squares, excess * expected * rarer[:, None]).sum(axis=1)
    return _logit_interval(count, total, counts)


def _without_each(correct: Array, parts: Parts) -> tuple[Array, Array]:
    """Return the sums of squares of the correct predictions without each replicate, and their means under the null.

    Both have the shape (replicates, parts). They are computed from integers, so that a zero is exact.
    """
    n, right, hits = len(correct), correct.sum(axis=0), parts.hits(correct)
    squares = (n - 1) * ((hits**2).sum(axis=0) - hits**2) - (hits.sum(axis=0) - hits) ** 2
    # of an image with c correct predictions, c (n - 1 - c) or, without one of the correct ones, (c - 1) (n - c) is left
    expected = parts.hits(right * (n - 1 - right)) + parts.hits(correct * (2 * right - n))
    return squares / (n - 1), expected / (n - 1)


def _without_each_set(correct: Array, parts: Parts, sets: Array) -> tuple[Array, Array]:
    """Return the same as `_without_each`, but without each seed set, as arrays of shape (sets, parts)."""
    each = []
    for rows in (correct[sets == kind] for kind in np.unique(sets)):
        of_set = pooled_spread(parts.hits(rows), np.zeros(len(rows))) ** 2, null_variance(rows, parts)
        each.append([np.nan_to_num(variance) * (len(rows) - 1) for variance in of_set])
    sums = np.array([np.sum(each[:place] + each[place + 1 :], axis=0) for place in range(len(each))])
    return sums[:, 0], sums[:, 1]


def _logit_interval(count: int, total: int, without: Array) -> Estimate:
    """Return a count with its interval, given the counts without each of the replicates (or sets)."""
    logits = special.logit((without + 0.5) / (total + 1))
    n, share = len(without), (count + 0.5) / (total + 1)
    jackknife = np.sqrt((n - 1) / n * ((logits - logits.mean()) ** 2).sum())
    binomial = 1 / np.sqrt((total + 1) * share * (1 - share))
    margin = np.hypot(student_quantile(n - 1) * jackknife, special.ndtri((1 + CONFIDENCE) / 2) * binomial)
    shares = special.expit(special.logit(share) + np.array([-margin, margin]))
    low, high = np.clip((total + 1) * shares - 0.5, 0, total)
    return Estimate(count, float(low), float(high), freedom=n - 1)
