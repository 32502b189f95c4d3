"""The gain of new runs over base runs: the difference of their means, with the two kinds of noise that blur it.

Runs differ from each other, and test examples are a sample. More runs reduce the first kind of noise, and only more
examples reduce the second. All functions take plain numbers, of which larger is better.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from noisegrid.stats.comparison import verdict_between
from noisegrid.stats.intervals import CONFIDENCE, Estimate, student_interval, student_quantile
from noisegrid.stats.power import smallest_count

Array = np.ndarray
#: Welch's t test is used from this number of runs on, or if the larger side has at most `SIMILAR` times as many runs.
#: Otherwise it errs too often: in 8 % of comparisons of 3 with 50 runs, instead of 5 %.
ENOUGH, SIMILAR = 10, 1.5


class Part(NamedTuple):
    """A part of the squared standard error of a mean.

    Attributes
    ----------
    variance : float
        The variance of one unit: a run of one side, or a pair of runs.
    units : int
        The number of units, of which the part is the mean.
    """

    variance: float
    units: int

    @property
    def square(self) -> float:
        """Return the squared standard error of the mean."""
        return self.variance / self.units

    def more(self, units: int) -> "Part":
        """Return the part with further units."""
        return Part(self.variance, self.units + units)


class Gain(NamedTuple):
    """The difference between two means, with the parts of its squared standard error.

    Attributes
    ----------
    value : float
        The mean of the new runs minus that of the base runs.
    runs : tuple of Part
        The part of each side or, for pairs of runs, the part of the pairs. Further runs reduce it.
    examples : Part or None
        The part of the test examples, which further runs do not reduce. None if the examples are unknown.
    """

    value: float
    runs: tuple[Part, ...]
    examples: Part | None = None

    def estimate(self, confidence: float = CONFIDENCE) -> Estimate:
        """Return the gain with its interval, which covers both kinds of noise."""
        return self._estimate(self.examples, confidence)

    def of_runs(self, confidence: float = CONFIDENCE) -> Estimate:
        """Return the gain on these test examples, with an interval that covers the noise of runs alone."""
        return self._estimate(None, confidence)

    def of_examples(self, confidence: float = CONFIDENCE) -> float:
        """Return the half-width that would remain with infinitely many runs. NaN if the examples are unknown."""
        if self.examples is None:
            return math.nan
        return student_quantile(self.examples.units - 1, confidence) * math.sqrt(self.examples.square)

    def p_value(self) -> float:
        """Return the two-sided p-value: the largest 1 - confidence at which the interval excludes 0."""
        low, high = math.log(1e-12), 0.0  # the logarithm of p
        while high - low > 1e-3:
            middle = (low + high) / 2
            estimate = self.estimate(1 - math.exp(middle))
            low, high = (middle, high) if estimate.low <= 0 <= estimate.high else (low, middle)
        return math.exp(high)

    def scaled(self, factor: float) -> "Gain":
        """Return the gain in another unit; a negative factor turns its direction around."""
        parts = [part and part._replace(variance=part.variance * factor**2) for part in (*self.runs, self.examples)]
        return Gain(self.value * factor, tuple(part for part in parts[:-1] if part), parts[-1])

    def with_more_runs(self, runs: int) -> "Gain":
        """Return the same gain as if each side had further runs with the same spread."""
        return self._replace(runs=tuple(part.more(runs) for part in self.runs))

    def _estimate(self, examples: Part | None, confidence: float) -> Estimate:
        freedom, square = self._of_runs(confidence)
        if examples is not None:
            parts = ((square, freedom), (examples.square, examples.units - 1))
            freedom, square = _cochran(parts, confidence), square + examples.square
        if not square > 0:
            return Estimate(self.value, self.value, self.value, 0.0)
        return student_interval(self.value, math.sqrt(square), freedom, confidence)

    def _of_runs(self, confidence: float) -> tuple[float, float]:
        """Return the degrees of freedom and the squared standard error of the runs."""
        square = sum(part.square for part in self.runs)
        if not self._similar():
            return _cochran([(part.square, part.units - 1) for part in self.runs], confidence), square
        if not square > 0:
            return math.inf, square
        return 1 / sum((part.square / square) ** 2 / (part.units - 1) for part in self.runs), square

    def _similar(self) -> bool:
        """Return whether the sides have enough runs, or similar numbers of them, for Welch's t test."""
        least, most = min(part.units for part in self.runs), max(part.units for part in self.runs)
        return least >= ENOUGH or most <= SIMILAR * least

    def test(self) -> str:
        """Return the name of the t test."""
        if len(self.runs) == 1:
            return "paired t"
        return "Welch's t" if self._similar() else "Cochran and Cox's t"


def gain(first: Array, second: Array, paired: bool = False, step: float = 0.0) -> Gain:
    """Estimate the gain from one number per run.

    Parameters
    ----------
    first, second : (runs,)
        The results of the base and of the new runs. If paired, those at the same place share their seed.
    paired : bool
        Whether to take the difference within each pair.
    step : float
        The step of the numbers, if they lie on a grid (see `grid_step`). Runs that fall on the same point of the grid
        are not taken for exactly equal: the variance is at least that of rounding, `step` squared / 12.

    Raises
    ------
    ValueError
        If a side has fewer than two runs, or if the sides of pairs differ in length.

    References
    ----------
    Welch, The generalization of 'Student's' problem, Biometrika 34 (1947).
    Cochran & Cox, Experimental designs, 1950 (section 4.14), for the critical value where the sides differ in size.
    Sheppard, On the calculation of the most probable values of frequency-constants, Proc. London Math. Soc. 29 (1898).
    """
    _check(first, second, paired)
    least = step**2 / 12
    value = float(second.mean() - first.mean())
    if paired:
        return Gain(value, (Part(max(float((second - first).var(ddof=1)), 2 * least), len(first)),))
    return Gain(value, tuple(Part(max(float(of.var(ddof=1)), least), len(of)) for of in (first, second)))


def gain_of_examples(first: Array, second: Array, paired: bool = False, span: float = 0.0) -> Gain:
    r"""Estimate the gain from one score per run and example; runs and examples are both samples.

    The score of run r and example i is the sum of a mean, an effect of the run, an effect of the example and the
    remainder e(r, i). For the difference d(i) of the mean scores of both sides on example i, with N examples,

        (variance of d over examples) / N = (part of the examples) + (sum over sides of (variance of e) / (runs N)).

    The second term is a part of the variance between runs already, so it is subtracted here.

    If few examples differ between the sides, they say little about how many others would. The variance is therefore
    that with four more examples, of which two are right on one side alone and two on the other (as Agresti and Coull
    add two successes and two failures). Where none differs, the interval then has a half-width of about 4 / N.

    Parameters
    ----------
    first, second : (runs, examples)
        The scores of the base and of the new runs, of the same examples.
    paired : bool
        Whether runs at the same place share their seed.
    span : float
        The largest possible difference between two scores, if it is known: 1 for correct predictions. At 0, no examples
        are added, and equal runs are taken for exactly equal.

    Returns
    -------
    Gain
        In the unit of the scores.

    Raises
    ------
    ValueError
        If there are fewer than two examples, if the examples of the sides differ in number, or as for `gain`.

    References
    ----------
    Agresti & Coull, Approximate is better than "exact" for interval estimation of binomial proportions, Am. Stat. 52
    (1998).
    Searle, Casella & McCulloch, Variance components, 1992 (section 4.3: the two-way crossed classification).
    """
    _check(first, second, paired)
    examples = first.shape[1]
    if examples < 2 or second.shape[1] != examples:
        raise ValueError("both sides need scores of the same examples, at least two of them")
    sides = [second - first] if paired else [first, second]
    found = gain(first.mean(axis=1, dtype=float), second.mean(axis=1, dtype=float), paired, span / examples)
    of_examples = second.mean(axis=0, dtype=float) - first.mean(axis=0, dtype=float)
    remainder = sum(_remainder(scores) / len(scores) for scores in sides)
    variance = max(0.0, float(of_examples.var(ddof=1)) - remainder) + 4 * span**2 / (examples - 1)
    return found._replace(examples=Part(variance, examples))


def _remainder(scores: Array) -> float:
    """Return the mean square of what remains of scores (runs, examples) without effects of runs and of examples."""
    runs, examples = scores.shape
    of_runs, of_examples = scores.mean(axis=1, dtype=float), scores.mean(axis=0, dtype=float)
    squares = float(np.einsum("ri,ri->", scores, scores, dtype=float)) - runs * examples * of_runs.mean() ** 2
    squares -= examples * (runs - 1) * float(of_runs.var(ddof=1)) + runs * (examples - 1) * float(
        of_examples.var(ddof=1)
    )
    return max(0.0, squares) / ((runs - 1) * (examples - 1))


def _check(first: Array, second: Array, paired: bool) -> None:
    if min(len(first), len(second)) < 2 or (paired and len(first) != len(second)):
        raise ValueError("a gain needs at least two runs of each side and, if paired, the same number of both")


def _cochran(parts: Sequence[tuple[float, float]], confidence: float) -> float:
    """Return the degrees of freedom of a sum of squared standard errors, each with its own, by Cochran and Cox.

    Their critical value is the mean of the parts' critical values, weighted with the parts. It is larger than that of
    Welch and Satterthwaite, whose test errs too often if one part has few degrees of freedom and another has many.
    """
    squares, freedoms = zip(*parts, strict=True)
    if not sum(squares) > 0:
        return math.inf
    quantiles = [student_quantile(freedom, confidence) for freedom in freedoms]
    critical = float(np.average(quantiles, weights=squares))
    return float(special.stdtridf((1 + confidence) / 2, critical))


def grid_step(values: Array) -> float:
    """Return the step of the grid on which all values lie, such as 1 / examples for an accuracy; 0 if there is none.

    Only the smallest distance between two values is tried, so that a grid of which few points occur is not found. The
    step is then smaller than the spread, and does not matter.
    """
    distances = np.diff(np.unique(values))
    rounding = 1e-9 * float(np.abs(values).max())
    distances = distances[distances > rounding]
    if not len(distances):
        return 0.0
    step = float(distances.min())
    multiples = distances / step
    return step if np.allclose(multiples, np.round(multiples), rtol=0, atol=5e-3) else 0.0


def decide(found: Gain, confidence: float = CONFIDENCE, at_least: float = 0.0, within: float = 0.0) -> str:
    """Return what the new runs are: `better`, `worse`, `equivalent` or `undecided`.

    Parameters
    ----------
    found : Gain
        The gain.
    confidence : float
        The confidence. Each of the four verdicts is false with a probability of at most 1 - `confidence`.
    at_least : float
        The smallest gain that matters. The new runs are better if the interval lies above it.
    within : float
        The largest difference that does not matter. The new runs are equivalent if two one-sided t tests show that the
        difference is smaller, whatever its sign. At 0, nothing is called equivalent.

    References
    ----------
    Schuirmann, A comparison of the two one-sided tests procedure and the power approach, J. Pharmacokinet. Biopharm. 15
    (1987).
    """
    return verdict_between(found.estimate(2 * confidence - 1), found.estimate(confidence), at_least, within)


def runs_to_decide(
    found: Gain, confidence: float = CONFIDENCE, at_least: float = 0.0, within: float = 0.0, power: float = 0.8
) -> int | None:
    """Return how many further runs per side would decide with the given power if the true gain were the observed one.

    Parameters
    ----------
    found : Gain
        The gain, which is undecided.
    confidence, at_least, within : float
        As for `decide`.
    power : float
        The required probability of a decision.

    Returns
    -------
    int or None
        The number of runs; None if no number or more than power.LIMIT would decide, for example because the test
        examples are too few.
    """

    def enough(runs: int) -> bool:
        return _chance(found.with_more_runs(runs), confidence, at_least, within) >= power

    return smallest_count(enough, 1)


def _chance(found: Gain, confidence: float, at_least: float, within: float) -> float:
    """Return the probability of the most likely decision if the true gain is the observed one."""
    outer, inner, value = found.estimate(confidence), found.estimate(2 * confidence - 1), found.value
    if not outer.error > 0:
        return 1.0

    def beyond(distance: float, estimate: Estimate, level: float) -> float:
        """Return the probability that an interval excludes a bound at this distance from the true value."""
        critical = student_quantile(estimate.freedom, level)
        missed = special.nctdtr(estimate.freedom, distance / estimate.error, critical)
        return 1.0 if math.isnan(missed) else float(1 - missed)

    better, worse = beyond(value - at_least, outer, confidence), beyond(-value, outer, confidence)
    level = 2 * confidence - 1
    equivalent = beyond(within - value, inner, level) + beyond(within + value, inner, level) - 1 if within > 0 else 0.0
    return max(better, worse, equivalent)
