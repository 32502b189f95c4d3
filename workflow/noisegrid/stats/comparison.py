"""The comparison of two methods by their results: effect, probability of a better run, stochastic order and verdict.

All functions take plain numbers, one result per run, of which larger is better. An effect is the second method's result
minus that of the first.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import special

from noisegrid.stats.intervals import CONFIDENCE, Estimate, mean, mean_difference, student_interval, student_quantile
from noisegrid.stats.power import units_to_decide

Array = np.ndarray
BETTER, WORSE, EQUIVALENT, UNDECIDED = "better", "worse", "equivalent", "undecided"
#: Number of bootstrap draws for the interval of the violation ratio.
DRAWS = 1000


class Comparison(NamedTuple):
    """How the second of two methods compares with the first.

    Attributes
    ----------
    difference : Estimate
        The mean of the second method minus that of the first.
    superiority : Estimate
        The probability that a run of the second method has a better result than a run of the first.
    violation : Estimate
        The violation ratio of almost stochastic order: 0 if the second method is better at every quantile, 1 if it is
        worse at every quantile.
    smallest : float
        The smallest observed difference that these runs could have shown: the half-width of the difference's interval.
    more : int or None
        The number of further units per method that decide with a power of 80 % if the true difference is the observed
        one. It is 0 if the difference is decided, and None if it exceeds a limit or if no number decides. A unit is a
        run or, with several seed sets, a seed set.
    verdict : str
        What the second method is: `better`, `worse`, `equivalent` or `undecided`.
    """

    difference: Estimate
    superiority: Estimate
    violation: Estimate
    smallest: float
    more: int | None
    verdict: str


def compare_methods(
    first: Array,
    second: Array,
    rng: np.random.Generator,
    sets: tuple[Array, Array] | None = None,
    paired: bool = False,
    margin: float = 0.0,
) -> Comparison:
    """Compare two methods by the results of their runs.

    Parameters
    ----------
    first, second : (runs,)
        The results of each method, of at least two units.
    rng : Generator
        Source of the random numbers for the bootstrap.
    sets : tuple of (runs,), optional
        Index of the seed set of each run of the two methods. Runs of a seed set are not independent. If both methods
        have several seed sets, a unit is therefore a seed set; otherwise, it is a run.
    paired : bool
        Whether the two methods share the seeds of their units. Seed sets are then matched by their index, and runs by
        their place.
    margin : float
        The largest difference that does not matter. At 0, nothing is called equivalent.

    Raises
    ------
    ValueError
        If a method has fewer than two units, or if paired methods do not have the same units.

    References
    ----------
    Bouthillier et al., Accounting for variance in machine learning benchmarks, MLSys 2021.
    """
    if sets is None or min(len(np.unique(of)) for of in sets) == 1:
        sets = np.arange(len(first)), np.arange(len(second))
    one, other = set_means(first, sets[0]), set_means(second, sets[1])
    if min(len(one), len(other)) < 2:
        raise ValueError("a comparison needs at least two units of each method")
    if paired and not np.array_equal(np.unique(sets[0]), np.unique(sets[1])):
        raise ValueError("a paired comparison needs the same units of both methods")
    effect = difference(one, other, paired)
    verdict = verdict_on(effect, margin)
    return Comparison(
        effect,
        probability_of_superiority(first, second, (len(one), len(other))),
        violation_ratio(first, second, rng, sets, paired),
        (effect.high - effect.low) / 2,
        0 if verdict != UNDECIDED else further_units(one, other, paired),
        verdict,
    )


def set_means(values: Array, sets: Array) -> Array:
    """Return the mean of the values in each seed set, in the order of the sets' indices."""
    _, of = np.unique(sets, return_inverse=True)
    means: Array = np.bincount(of, values) / np.bincount(of)
    return means


def difference(first: Array, second: Array, paired: bool = False, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate the mean of the second method minus that of the first, by Welch's t or, if paired, by the paired t.

    Parameters
    ----------
    first, second : (units,)
        The results. If paired, those at the same place share their seeds.
    paired : bool
        Whether to take the difference within each pair.
    confidence : float
        Confidence of the interval.
    """
    if not paired:
        return mean_difference(second, first, confidence)
    value, _, _, error, freedom = mean(second - first)
    return student_interval(value, error, freedom, confidence)


def verdict_on(effect: Estimate, margin: float = 0.0) -> str:
    """Return what the second method is: `equivalent`, `better`, `worse` or `undecided`.

    Two methods are equivalent if two one-sided t tests at 5 % show that the difference is smaller than the margin. A
    difference smaller than the margin does not matter, so this comes before `better` and `worse`, which require that
    the 95 % interval excludes 0.

    Parameters
    ----------
    effect : Estimate
        The difference, with its standard error and degrees of freedom.
    margin : float
        The largest difference that does not matter. At 0, nothing is called equivalent.

    References
    ----------
    Schuirmann, A comparison of the two one-sided tests procedure and the power approach, J. Pharmacokinet. Biopharm. 15
    (1987).
    """
    inner = effect._replace(low=effect.value, high=effect.value)
    if effect.error > 0:
        inner = student_interval(effect.value, effect.error, effect.freedom, 0.9)
    return verdict_between(inner, effect, within=margin)


def verdict_between(inner: Estimate, outer: Estimate, at_least: float = 0.0, within: float = 0.0) -> str:
    """Return the verdict on an effect with two intervals.

    Parameters
    ----------
    inner : Estimate
        The effect with the interval of two one-sided tests at the level of the verdict: 90 % for 5 %. Equivalent
        methods have it within the margin.
    outer : Estimate
        The effect with the interval of the two-sided test. Methods that are better or worse have it on one side.
    at_least : float
        The smallest gain that matters.
    within : float
        The largest difference that does not matter.
    """
    if -within < inner.low and inner.high < within:
        return EQUIVALENT
    if outer.low > at_least:
        return BETTER
    return WORSE if outer.high < 0 else UNDECIDED


def probability_of_superiority(
    first: Array,
    second: Array,
    units: tuple[int, int] | None = None,
    confidence: float = CONFIDENCE,
    freedom: float | None = None,
) -> Estimate:
    """Estimate the probability that a run of the second method has a better result than a run of the first.

    A tie counts half. The estimate is the Mann-Whitney statistic divided by the number of pairs. Its interval has all
    probabilities p for which the estimate is at most t standard errors away, where the standard error is the one for p
    under exponentially distributed results. Unlike the interval of Brunner and Munzel, it has a width if all runs of
    one method are better than all runs of the other, which is common with ten runs and fewer. Student's t, with the
    number of units minus two, replaces the normal quantile.

    Parameters
    ----------
    first, second : (runs,)
        The results.
    units : tuple of int, optional
        The numbers of independent units of both methods, if these are seed sets; by default, the numbers of runs.
    confidence : float
        Confidence of the interval.
    freedom : float, optional
        The degrees of freedom of Student's t; by default, the number of units minus two.

    References
    ----------
    Newcombe, Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2: asymptotic
    methods and evaluation, Stat. Med. 25 (2006), method 5 with an average of both sizes.
    """
    ordered = np.sort(first)
    below, up_to = np.searchsorted(ordered, second, side="left"), np.searchsorted(ordered, second, side="right")
    value = float((below + up_to).sum()) / (2 * len(first) * len(second))
    m, n = units or (len(first), len(second))
    quantile = student_quantile(m + n - 2 if freedom is None else freedom, confidence)

    def excess(p: float) -> float:
        """Return how much farther than the quantile's standard errors the estimate is from p."""
        size = (m + n) / 2 - 1
        variance = p * (1 - p) * (1 + size * ((1 - p) / (2 - p) + p / (1 + p))) / (m * n)
        return abs(value - p) - quantile * math.sqrt(variance)

    return Estimate(value, _edge(excess, value, 0.0), _edge(excess, value, 1.0))


def _edge(excess: Callable[[float], float], inside: float, outside: float) -> float:
    """Return, by bisection, where a function changes from at most 0 (at `inside`) to above 0 (toward `outside`)."""
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if excess(middle) <= 0 else (inside, middle)
    return inside


def violation_ratio(
    first: Array,
    second: Array,
    rng: np.random.Generator,
    sets: tuple[Array, Array] | None = None,
    paired: bool = False,
    draws: int = DRAWS,
) -> Estimate:
    """Estimate by how much the order "the second method is better at every quantile" is violated.

    The ratio is the squared Wasserstein distance between the two distributions where the second method's quantile is
    the smaller one, divided by the whole squared distance. It is 0 if the second method is stochastically larger, 1 if
    the first one is, and NaN if both have the same results. Below 0.5, the second method is almost stochastically
    larger. The interval is the ratio plus or minus 1.96 times its bootstrap standard deviation, cut to 0 and 1. It is
    asymptotic: if all runs of one method are better than all runs of the other, it has no width.

    Parameters
    ----------
    first, second : (runs,)
        The results.
    rng : Generator
        Source of the random numbers for the bootstrap.
    sets : tuple of (runs,), optional
        Index of the unit of each run of the two methods; units are drawn whole. By default, each run is a unit.
    paired : bool
        Whether both methods have the same units, so that the same units are drawn for both.
    draws : int
        Number of bootstrap draws.

    References
    ----------
    del Barrio, Cuesta-Albertos & Matran, An optimal transportation approach for assessing almost stochastic order, in:
    The mathematics of the uncertain, 2018.
    Dror, Shlomov & Reichart, Deep dominance: how to properly compare deep neural models, ACL 2019.
    """
    results, orders = (first, second), [np.argsort(values) for values in (first, second)]
    ordered = [values[order] for values, order in zip(results, orders, strict=True)]
    of = [np.arange(len(values)) for values in results] if sets is None else sets
    unit = [np.unique(kinds, return_inverse=True)[1][order] for kinds, order in zip(of, orders, strict=True)]

    def ratio(*weights: Array) -> float:
        return _violation(ordered, [weight[index] for weight, index in zip(weights, unit, strict=True)])

    counts = [int(index.max()) + 1 for index in unit]
    resampled = [rng.multinomial(count, np.full(count, 1 / count), size=draws) for count in counts]
    if paired:
        resampled[1] = resampled[0]
    value = ratio(*(np.ones(count) for count in counts))
    if math.isnan(value):
        return Estimate(value, np.nan, np.nan)
    deviation = float(np.nanstd([ratio(*weights) for weights in zip(*resampled, strict=True)], ddof=1))
    margin = float(special.ndtri((1 + CONFIDENCE) / 2)) * deviation
    return Estimate(value, max(0.0, value - margin), min(1.0, value + margin), deviation)


def _violation(ordered: list[Array], weights: list[Array]) -> float:
    """Return the violation ratio of two sorted samples with weights, whose quantile functions are step functions."""
    steps = [np.cumsum(weight) / weight.sum() for weight in weights]
    edges = np.unique(np.concatenate([[0.0], *(np.round(step, 12) for step in steps)]))
    middles = (edges[1:] + edges[:-1]) / 2
    first, second = (
        values[np.minimum(np.searchsorted(step, middles), len(values) - 1)]
        for values, step in zip(ordered, steps, strict=True)
    )
    squares = (second - first) ** 2 * np.diff(edges)
    total = squares.sum()
    return float(squares[second < first].sum() / total) if total > 0 else np.nan


def further_units(first: Array, second: Array, paired: bool = False, power: float = 0.8) -> int | None:
    """Return how many further units per method would decide if the true difference were the observed one.

    Parameters
    ----------
    first, second : (units,)
        The results. If paired, those at the same place share their seeds.
    paired : bool
        Whether the paired t test decides, or Welch's.
    power : float
        The required probability that the test at the 5 % level excludes 0.

    Returns
    -------
    int or None
        The number of units; None if no number or more than power.LIMIT would decide.
    """
    variances = [(second - first).var(ddof=1)] if paired else [values.var(ddof=1) for values in (first, second)]
    needed = units_to_decide(float(second.mean() - first.mean()), variances, power)
    return None if needed is None else max(0, needed - min(len(first), len(second)))
