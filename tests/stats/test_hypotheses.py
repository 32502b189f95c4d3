"""p-values, Holm's correction and the permutation tests of order, against SciPy and by hand."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from noisegrid import stats

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def estimate(value: float, error: float, freedom: float = 9) -> stats.Estimate:
    return stats.student_interval(value, error, freedom)


def test_the_difference_of_two_means_is_welchs_t_test():
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, 5), rng.normal(1, 3, 12)
    found = stats.difference(stats.mean(first), stats.mean(second))
    oracle = scipy_stats.ttest_ind(first, second, equal_var=False)
    assert found[1:3] == pytest.approx(tuple(oracle.confidence_interval()))
    assert stats.p_different(found) == pytest.approx(oracle.pvalue)
    greater = scipy_stats.ttest_ind(first + 2.5, second, equal_var=False, alternative="greater")
    assert stats.p_above(found, -2.5) == pytest.approx(greater.pvalue)


def test_a_side_without_error_leaves_the_others_degrees_of_freedom():
    found = stats.difference(estimate(3, 2, 4), estimate(1, 0, 9))
    assert (found.value, found.error, found.freedom) == (2, 2, 4)
    assert found.high == pytest.approx(2 + 2.776445 * 2)
    for errors in ((0, 0), (np.nan, 1)):
        unknown = stats.difference(*(estimate(1, error) for error in errors))
        assert (
            np.isnan(unknown.low) and np.isnan(stats.p_different(unknown)) and np.isnan(stats.p_equivalent(unknown, 1))
        )


def test_p_values_agree_with_the_intervals_that_they_belong_to():
    for value in (-1.5, -0.4, 0.0, 0.3, 0.99, 2.0):
        found = estimate(value, 0.3, 9)
        narrow = stats.student_interval(value, 0.3, 9, 0.90)
        assert (stats.p_equivalent(found, 1) <= 0.05) == (narrow.low > -1 and narrow.high < 1), value
        assert (stats.p_different(found, 1) <= 0.05) == (found.low > 1 or found.high < -1), value
        assert (stats.p_different(found) <= 0.05) == (found.low > 0 or found.high < 0), value
        assert stats.p_above(found) == pytest.approx(1 - stats.p_above(found._replace(value=-value)))


def test_the_log_ratio_has_relative_errors():
    found = stats.log_ratio(estimate(4, 0.4, 9), estimate(2, 0.6, 4))
    assert found.value == pytest.approx(np.log(2)) and found.error == pytest.approx(np.hypot(0.1, 0.3))
    assert found.freedom == pytest.approx((0.1**2 + 0.3**2) ** 2 / (0.1**4 / 9 + 0.3**4 / 4))


def test_the_ratio_to_zero_asks_whether_the_other_is_above_zero():
    sure, unsure = (stats.log_ratio(estimate(4, error, 9), estimate(0, 0, 9)) for error in (0.4, 4.0))
    assert sure.value == np.inf and np.isnan(sure.low)
    assert stats.p_different(sure, 5.0) == pytest.approx(2 * scipy_stats.t.sf(10, 9))
    assert stats.p_different(unsure) == pytest.approx(2 * scipy_stats.t.sf(1, 9))
    assert stats.p_equivalent(unsure, 1.0) > 0.5
    below = stats.log_ratio(estimate(0, 0, 9), estimate(4, 0.4, 9))
    assert below.value == -np.inf and stats.p_above(below) == pytest.approx(scipy_stats.t.cdf(10, 9))
    assert np.isnan(stats.log_ratio(estimate(0, 0), estimate(0, 0)).value)


def test_a_spread_below_a_bound_is_a_chi_square_test():
    """At the bound the test rejects in 5 % of 20,000 samples of ten normal values; three standard errors are 0.5 %."""
    found = np.random.default_rng(0).normal(0, 2, (20_000, 10)).std(axis=1, ddof=1)
    rejected = np.mean([stats.p_spread_below(value, 9, 2.0) <= 0.05 for value in found])
    assert abs(rejected - 0.05) < 0.005
    assert stats.p_spread_below(1.0, 9, 1.0) == pytest.approx(scipy_stats.chi2.cdf(9, 9))


def test_holm_by_hand():
    adjusted = stats.holm(np.array([0.01, 0.04, np.nan, 0.03, 0.005]))
    assert adjusted == pytest.approx([0.03, 0.06, np.nan, 0.06, 0.02], nan_ok=True)
    assert list(stats.holm(np.array([0.6, 0.7]))) == [1.0, 1.0]
    assert stats.holm(np.array([])).shape == (0,)
    assert np.isnan(stats.holm(np.array([np.nan]))).all()


@given(p_values)
def test_holm_is_the_closure_of_bonferroni(values):
    """A hypothesis is rejected if every set of hypotheses with it is, by Bonferroni's test of that set."""
    for index, adjusted in enumerate(stats.holm(np.array(values))):
        sets = [
            chosen
            for size in range(1, len(values) + 1)
            for chosen in itertools.combinations(range(len(values)), size)
            if index in chosen
        ]
        closed = max(min(1.0, len(chosen) * min(values[i] for i in chosen)) for chosen in sets)
        assert adjusted == pytest.approx(closed)


@given(st.permutations(range(6)))
def test_kendall_without_ties_is_scipys_exact_test(order):
    found = stats.kendall(np.arange(6), np.array(order))
    oracle = scipy_stats.kendalltau(np.arange(6), order, method="exact")
    assert found.tau == pytest.approx(oracle.statistic)
    assert min(found.p_rising, found.p_falling) == pytest.approx(oracle.pvalue)
    assert found.smallest == pytest.approx(2 / 720)


def test_which_number_of_devices_can_decide():
    assert [round(stats.kendall(np.arange(n), np.arange(n)).smallest, 4) for n in (2, 3, 4, 5)] == [
        1,
        0.3333,
        0.0833,
        0.0167,
    ]


def test_kendall_with_ties_counts_permutations():
    """Of the 24 orders of 1, 1, 2, 3, two put them into a rising order."""
    found = stats.kendall(np.array([1, 1, 2, 3]), np.arange(4))
    assert (found.p_rising, found.p_falling, found.smallest) == (pytest.approx(2 * 2 / 24), 1.0, pytest.approx(4 / 24))
    assert found.tau == pytest.approx(scipy_stats.kendalltau([1, 1, 2, 3], range(4)).statistic)
    assert np.isnan(stats.kendall(np.ones(5), np.arange(5)).tau)
    assert stats.kendall(np.ones(5), np.arange(5)).smallest == 1


def test_kendall_of_many_values_draws_permutations():
    rng = np.random.default_rng(1)
    first, second = np.arange(12), np.arange(12) + rng.normal(0, 4, 12)
    found, oracle = stats.kendall(first, second), scipy_stats.kendalltau(first, second, method="exact")
    assert found.p_rising == pytest.approx(oracle.pvalue, abs=0.003)
    assert stats.kendall(first, first).p_rising > 0  # a permutation test cannot give 0


def apart(values) -> np.ndarray:
    return np.subtract.outer(values, values) ** 2


def test_neighbours_by_hand():
    """The six orders of 0, 1 and 3 have sums of squared steps of 5, 5, 10, 10, 13 and 13."""
    assert stats.p_neighbours(apart([0, 1, 3])) == pytest.approx(2 / 6)
    assert stats.p_neighbours(apart([0, 3, 1])) == 1
    assert stats.p_neighbours(apart([1, 0, 3])) == pytest.approx(4 / 6)
    assert stats.p_neighbours(apart(np.arange(5.0))) == pytest.approx(2 / 120)


def test_neighbours_of_many_values_draw_permutations():
    rng = np.random.default_rng(0)
    walk = rng.normal(size=40).cumsum()
    assert 0 < stats.p_neighbours(apart(walk)) < 0.001
    assert stats.p_neighbours(apart(rng.permutation(walk))) > 0.05


def test_the_trend_of_many_values_is_that_of_blocks():
    values = np.random.default_rng(0).normal(size=65) + 0.02 * np.arange(65)
    blocks = values[2:].reshape(21, 3).mean(axis=1)
    assert stats.trend_in_order(values) == stats.kendall(np.arange(21), blocks)
    assert stats.trend_in_order(values[:30]) == stats.kendall(np.arange(30), values[:30])


@pytest.mark.parametrize("n", [5, 6])
def test_the_order_of_independent_values_is_suspicious_in_at_most_5_percent(n):
    rng, found = np.random.default_rng(n), 0
    for _ in range(300):
        values = rng.exponential(size=n)
        trend = stats.trend_in_order(values)
        p = [min(trend.p_rising, trend.p_falling), stats.p_neighbours(apart(values))]
        found += bool((stats.holm(np.array(p)) <= 0.05).any())
    assert found <= scipy_stats.binom.ppf(0.99, 300, 0.05)
