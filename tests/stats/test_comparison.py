"""The comparison of two methods, against SciPy, slow obvious versions and simulated truths."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import integrate
from scipy import stats as scipy_stats

from noisegrid import stats
from noisegrid.stats import comparison

samples = arrays(np.float64, st.integers(2, 8), elements=st.integers(0, 6).map(float))


def between(share: float, draws: int) -> tuple[float, float]:
    """Return the ends of the 99 % binomial interval around a share."""
    return tuple(scipy_stats.binom.ppf([0.005, 0.995], draws, share) / draws)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- effect ----------------------------------------------------------------------------------------------------------


def test_difference_is_welch_and_paired_t():
    first, second = rng().normal(size=8), rng(1).normal(1, 2, size=8)
    for paired, test in ((False, scipy_stats.ttest_ind(second, first, equal_var=False)),
                         (True, scipy_stats.ttest_rel(second, first))):  # fmt: skip
        found, oracle = comparison.difference(first, second, paired), test.confidence_interval()
        assert found.value == pytest.approx(second.mean() - first.mean())
        assert found[1:3] == pytest.approx((oracle.low, oracle.high))


@pytest.mark.parametrize("n", [3, 5, 10, 50])
def test_size_of_the_verdict(n):
    draws = 2000
    first, second = rng().normal(90, 1, (draws, n)), rng(1).normal(90, 1, (draws, n))
    verdicts = [comparison.verdict_on(comparison.difference(a, b)) for a, b in zip(first, second, strict=True)]
    wrong = np.mean([verdict != comparison.UNDECIDED for verdict in verdicts])
    assert wrong <= between(0.05, draws)[1]


def test_paired_power_where_seeds_matter_and_size_where_units_are_sets():
    """Runs of a set share a large effect; A and B share it too if paired. Ignoring the sets finds what is not there."""
    draws, sets = 1000, np.repeat(np.arange(5), 4)
    shared = rng().normal(size=(draws, 5))[:, sets]
    found: dict[tuple[bool, bool, float], list[str]] = {}
    for true in (0.0, 1.0):
        first = shared + 0.3 * rng(1).normal(size=(draws, 20))
        second = shared + 0.3 * rng(2).normal(size=(draws, 20)) + true
        alone = rng(3).normal(size=(draws, 5))[:, sets] + 0.3 * rng(4).normal(size=(draws, 20)) + true
        for index in range(draws):
            units = [stats.comparison.set_means(values[index], sets) for values in (first, second, alone)]
            paired = comparison.difference(units[0], units[1], paired=True)
            unpaired = comparison.difference(units[0], units[1])
            over_sets, over_runs = (
                comparison.difference(units[0], units[2]),
                comparison.difference(first[index], alone[index]),
            )
            for name, effect in (("paired", paired), ("unpaired", unpaired), ("sets", over_sets), ("runs", over_runs)):
                found.setdefault((name, true), []).append(comparison.verdict_on(effect))
    called = {
        key: np.mean([verdict != comparison.UNDECIDED for verdict in verdicts]) for key, verdicts in found.items()
    }
    most = between(0.05, draws)[1]
    assert called["paired", 0.0] <= most and called["sets", 0.0] <= most
    assert called["runs", 0.0] > 0.2  # the negative control
    assert called["paired", 1.0] > 0.9 > 0.5 > called["unpaired", 1.0]


def test_verdicts():
    def verdict(value: float, error: float, margin: float = 0.0) -> str:
        return comparison.verdict_on(stats.student_interval(value, error, 18), margin)

    assert verdict(1, 0.1) == comparison.BETTER and verdict(-1, 0.1) == comparison.WORSE
    assert verdict(0.1, 0.1) == comparison.UNDECIDED and verdict(0.1, 0.1, margin=0.2) == comparison.UNDECIDED
    assert verdict(0.1, 0.1, margin=0.3) == comparison.EQUIVALENT
    assert verdict(0.1, 0.01, margin=0.3) == comparison.EQUIVALENT  # significant, and too small to matter
    assert verdict(0, 0) == comparison.UNDECIDED and verdict(0, 0, margin=0.1) == comparison.EQUIVALENT


def test_equivalence_is_called_in_5_of_100_cases_at_the_margin():
    draws, margin = 2000, 1.0
    first, second = rng().normal(0, 1, (draws, 40)), rng(1).normal(margin, 1, (draws, 40))
    called = [comparison.verdict_on(comparison.difference(a, b), margin) == comparison.EQUIVALENT
              for a, b in zip(first, second, strict=True)]  # fmt: skip
    low, high = between(0.05, draws)
    assert low <= np.mean(called) <= high


# --- probability of superiority --------------------------------------------------------------------------------------


@given(samples, samples)
@settings(max_examples=50, deadline=None)
def test_probability_is_the_slow_obvious_one(first, second):
    slow = np.mean([(b > a) + (b == a) / 2 for a in first for b in second])
    found = comparison.probability_of_superiority(first, second)
    assert found.value == pytest.approx(slow) and 0 <= found.low <= found.value <= found.high <= 1
    swapped = comparison.probability_of_superiority(second, first)
    assert (1 - swapped.high, 1 - swapped.low) == pytest.approx((found.low, found.high), abs=1e-9)


def test_probability_agrees_with_mann_whitney_and_brunner_munzel():
    first, second = rng().normal(size=60), rng(1).normal(0.7, 1.5, size=50)
    found = comparison.probability_of_superiority(first, second)
    assert found.value == pytest.approx(scipy_stats.mannwhitneyu(second, first).statistic / 3000)
    # the statistic of Brunner and Munzel is (estimate - 1/2) / standard error
    error = (0.5 - found.value) / scipy_stats.brunnermunzel(second, first).statistic
    assert (found.high - found.low) / 2 == pytest.approx(abs(1.98 * error), rel=0.1)


def test_probability_interval_by_hand():
    # three of three better: p = 1; the lower end solves (1 - p)^2 = t^2 p (1 - p) (1 + 2 ((1-p)/(2-p) + p/(1+p))) / 9
    found = comparison.probability_of_superiority(np.arange(3.0), np.arange(3.0) + 5)
    p, t = found.low, 2.776445
    assert found.value == found.high == 1 and 0.3 < p < 0.6
    assert (1 - p) == pytest.approx(t**2 * p * (1 + 2 * ((1 - p) / (2 - p) + p / (1 + p))) / 9, rel=1e-5)


@pytest.mark.parametrize("n", [3, 5, 10, 50])
@pytest.mark.parametrize(("shift", "scale"), [(0, 1), (1, 1), (2, 1), (0, 3), (1, 3), (0, 0.2)])
def test_probability_covers(n, shift, scale):
    draws = 1000
    first, second = rng().normal(size=(draws, n)), rng(1).normal(shift, scale, (draws, n))
    truth = scipy_stats.norm.cdf(shift / math.hypot(1, scale))
    found = [comparison.probability_of_superiority(a, b) for a, b in zip(first, second, strict=True)]
    covered = np.mean([low <= truth <= high for _, low, high, *_ in found])
    assert covered >= between(0.93, draws)[0]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_brunner_munzel_would_not_cover():
    """Why its interval is not used: without overlap it has no width."""
    draws, n, truth = 500, 5, scipy_stats.norm.cdf(2 / math.sqrt(2))
    first, second = rng().normal(size=(draws, n)), rng(1).normal(2, 1, (draws, n))
    covered = 0
    for a, b in zip(first, second, strict=True):
        value = comparison.probability_of_superiority(a, b).value
        statistic = 0.0 if value == 0.5 else scipy_stats.brunnermunzel(b, a).statistic
        error = 0.0 if math.isinf(statistic) or statistic == 0 else abs((value - 0.5) / statistic)
        covered += abs(value - truth) <= 2.306 * error
    assert covered / draws < 0.8


# --- almost stochastic order -----------------------------------------------------------------------------------------


@given(samples, samples)
@settings(max_examples=50, deadline=None)
def test_violation_is_the_slow_obvious_one(first, second):
    grid = (np.arange(840) + 0.5) / 840  # 840 is divisible by 2 to 8, so no step lies inside an interval of the grid
    quantiles = [np.array([sorted(values)[int(t * len(values))] for t in grid]) for values in (first, second)]
    gap = quantiles[1] - quantiles[0]
    found = comparison.violation_ratio(first, second, rng(), draws=10)
    if not gap.any():
        assert math.isnan(found.value)
    else:
        assert found.value == pytest.approx((gap[gap < 0] ** 2).sum() / (gap**2).sum(), abs=1e-9)


def test_violation_of_known_distributions_is_covered():
    """N(0.5, 2) against N(0, 1): the truth is an integral over quantiles."""

    def gap(t: float) -> float:
        return 0.5 + scipy_stats.norm.ppf(t)

    below = scipy_stats.norm.cdf(-0.5)
    truth = integrate.quad(lambda t: gap(t) ** 2, 0, below)[0] / integrate.quad(lambda t: gap(t) ** 2, 0, 1)[0]
    assert 0 < truth < 0.5
    draws, covered = 100, 0
    for seed in range(draws):
        source = rng(seed)
        found = comparison.violation_ratio(source.normal(size=200), source.normal(0.5, 2, 200), source, draws=100)
        covered += found.low <= truth <= found.high
    assert covered / draws >= between(0.93, draws)[0]


def test_violation_of_clear_order():
    first = np.arange(10.0)
    assert comparison.violation_ratio(first, first + 20, rng())[:3] == (0, 0, 0)
    assert comparison.violation_ratio(first, first - 20, rng())[:3] == (1, 1, 1)


def test_violation_draws_whole_sets():
    """Runs of a set are alike: drawn one by one, the interval would be too narrow."""
    sets = np.repeat(np.arange(5), 8)
    first, second = rng(3).normal(size=5)[sets], rng(4).normal(0.3, 1, 5)[sets]
    whole = comparison.violation_ratio(first, second, rng(), (sets, sets))
    single = comparison.violation_ratio(first, second, rng())
    assert whole.value == single.value and whole.error > 1.5 * single.error


# --- number of runs --------------------------------------------------------------------------------------------------


def test_power_is_that_of_the_t_tests():
    assert stats.t_power(0.5, [1.0, 1.0], 20) == pytest.approx(0.337939, abs=1e-6)  # d = 0.5, 20 per group (G*Power)
    draws = 2000
    gaps = rng().normal(0.8, 1, (draws, 10))
    found = np.mean(scipy_stats.ttest_1samp(gaps, 0, axis=1).pvalue < 0.05)
    low, high = between(stats.t_power(0.8, [1.0], 10), draws)
    assert low <= found <= high
    first, second = rng(1).normal(0, 1, (draws, 12)), rng(2).normal(2, 3, (draws, 12))
    found = np.mean(scipy_stats.ttest_ind(second, first, axis=1, equal_var=False).pvalue < 0.05)
    low, high = between(stats.t_power(2, [1.0, 9.0], 12), draws)
    assert low - 0.01 <= found <= high + 0.01  # Welch's degrees of freedom are themselves estimated


def test_number_of_runs_is_the_smallest_that_is_enough():
    for variances in ([1.0, 4.0], [0.5]):
        units = stats.units_to_decide(0.7, variances)
        assert stats.t_power(0.7, variances, units) >= 0.8 > stats.t_power(0.7, variances, units - 1)
    assert stats.units_to_decide(0.0, [1.0, 1.0]) is None
    assert stats.units_to_decide(1e-6, [1.0, 1.0]) is None
    assert stats.units_to_decide(1e3, [1e-3, 1e-3]) == 2


# --- together --------------------------------------------------------------------------------------------------------


def test_comparison_by_hand():
    first, second = np.array([90.0, 91, 92]), np.array([92.0, 93, 94])
    found = stats.compare_methods(first, second, rng())
    # each variance is 1: standard error sqrt(2/3), t(0.975, 4) = 2.776445
    assert found.difference.value == 2 and found.smallest == pytest.approx(2.776445 * math.sqrt(2 / 3), rel=1e-6)
    assert found.superiority.value == pytest.approx(8.5 / 9)
    assert found.verdict == comparison.UNDECIDED
    assert found.more == stats.units_to_decide(2, [1, 1]) - 3 == 3
    paired = stats.compare_methods(first, second, rng(), paired=True)
    assert paired.verdict == comparison.BETTER and paired.more == 0 and paired.smallest == 0


def test_swapping_the_methods_swaps_everything():
    first, second = rng().normal(size=10), rng(1).normal(1, 1, 10)
    one, other = stats.compare_methods(first, second, rng()), stats.compare_methods(second, first, rng())
    assert one.difference.value == pytest.approx(-other.difference.value)
    assert one.superiority.value == pytest.approx(1 - other.superiority.value)
    assert one.violation.value == pytest.approx(1 - other.violation.value)
    assert {one.verdict, other.verdict} in ({"better", "worse"}, {"undecided"}) and one.more == other.more


def test_a_single_seed_set_leaves_runs_as_units():
    first, second = rng().normal(size=10), rng(1).normal(size=10)
    sets = np.repeat(np.arange(5), 2)
    alone = stats.compare_methods(first, second, rng(), (np.zeros(10, int), sets))
    assert alone.difference == stats.compare_methods(first, second, rng()).difference
    assert stats.compare_methods(first, second, rng(), (sets, sets)).difference.freedom < 9


def test_what_cannot_be_compared():
    with pytest.raises(ValueError, match="at least two units"):
        stats.compare_methods(np.ones(1), np.ones(3), rng())
    with pytest.raises(ValueError, match="the same units"):
        stats.compare_methods(np.ones(2), np.ones(3), rng(), paired=True)
