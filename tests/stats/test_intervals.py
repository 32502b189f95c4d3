"""Intervals on simulated replicates whose truth is known; benchmarks/interval_rates.py has the kinds of replicates."""

import math
import sys

import numpy as np
import pytest
from conftest import ROOT
from scipy import stats as scipy_stats

from noisegrid import stats
from noisegrid.measuring import cell as measuring
from noisegrid.measuring.classes import class_rows

sys.path.insert(0, str(ROOT / "benchmarks"))
import interval_rates

DRAWS = 150


@pytest.mark.parametrize(("statistic", "kind", "n"), list(interval_rates.cases()))
def test_intervals_cover_the_truth(statistic, kind, n):
    """The large table, with 1,000 draws for each case, is docs/results/intervals.md."""
    rng = np.random.default_rng([n, len(statistic), len(kind)])
    rate = interval_rates.coverage(statistic, kind, n, DRAWS, rng)
    exempt = (statistic, kind, n) in interval_rates.EXEMPT
    assert exempt or interval_rates.passes(rate, DRAWS), rate


def test_the_check_of_the_coverage_can_fail():
    """Replicates of five seed sets, taken for independent ones."""
    rng, covered = np.random.default_rng(0), 0
    for _ in range(DRAWS):
        one = interval_rates.draw("clustered", 50, rng)
        found = stats.mean(one.accuracies)
        covered += found.low <= 0 <= found.high
    assert not interval_rates.passes(covered / DRAWS, DRAWS)


def test_no_replicate_of_two_equal_modes_is_typical_and_the_interval_has_width():
    """Five runs in each of two networks: leaving out any of them changes the mean over pairs by the same amount."""
    mode = np.arange(10) % 2
    matrix = (mode[:, None] != mode).astype(float)
    found = stats.pair_mean(matrix)
    pairs = matrix[np.triu_indices(10, 1)]
    assert found.value == pytest.approx(25 / 45)
    assert found.error == pytest.approx(math.sqrt(2 * pairs.var() / 90))
    assert found.low < 0.5 < found.high


def test_std_within_sets_by_hand():
    # deviations from the means of the sets: -1, 1, -2, 2; squares 10 over 4 - 2 degrees of freedom
    found = stats.std(np.array([1.0, 3.0, 10.0, 14.0]), np.array([0, 0, 1, 1]))
    assert found.value == pytest.approx(math.sqrt(5)) and found.freedom == 2
    assert found.low == pytest.approx(math.sqrt(10 / 7.377759), rel=1e-6)


def test_std_of_heavy_tails_has_fewer_degrees_of_freedom():
    values = np.array([0.0] * 24 + [-5.0, 5.0])
    plain, found = stats.std_interval(float(values.std(ddof=1)), 25), stats.std(values)
    kurtosis = 26 * 2 * 5**4 / 50**2
    freedom = 2 * 26 / (kurtosis - 23 / 25)
    upper = found.value * math.sqrt(freedom / scipy_stats.chi2.ppf(0.025, freedom))
    assert found.high == pytest.approx(upper) and found.high > plain.high and found.freedom == 25
    light = np.arange(26.0)  # lighter tails than the normal distribution's: never more degrees of freedom
    assert stats.std(light)[1:3] == pytest.approx(stats.std_interval(float(light.std(ddof=1)), 25)[1:3])


def test_outlier_is_grubbs_test():
    # Grubbs (1969): eight values, 245.57 among values around 199.3; the critical value at 5 %, one-sided, is 2.03
    values = np.array([199.31, 199.53, 200.19, 200.82, 201.92, 201.95, 202.18, 245.57])
    assert stats.outlier(values) == 7
    assert stats.outlier(values[:-1]) is None
    assert stats.outlier(np.array([0.0, 0, 0, 9])) is None  # fewer than five
    assert stats.outlier(np.ones(10)) is None


def test_outlier_is_named_in_one_of_a_hundred_normal_samples():
    rng = np.random.default_rng(0)
    named = sum(stats.outlier(rng.normal(size=10)) is not None for _ in range(2000))
    assert 0.004 < named / 2000 < 0.018
    apart = sum(stats.outlier(np.append(rng.normal(size=9), 8)) == 9 for _ in range(200))
    assert apart > 180


def test_a_replicate_that_lies_apart_is_named_beside_the_numbers():
    rng = np.random.default_rng(0)
    correct = rng.random((10, 1000)) < 0.9
    assert measuring.outlier_notes(correct, correct.astype(int), np.arange(10)) == {}
    correct[6] = rng.random(1000) < 0.5
    notes = measuring.outlier_notes(correct, correct.astype(int), np.arange(10, 20))
    assert notes.keys() == {"accuracy_mean", "accuracy_std", "churn"}
    assert all(note.startswith("replicate 16 lies apart") for note in notes.values())


@pytest.mark.parametrize("n", [5, 10])
def test_noise_alone_exceeds_the_significant_difference_in_five_of_a_hundred_comparisons(n):
    """The spread of one method's runs decides about the difference from other runs of the same method."""
    rng, draws = np.random.default_rng(n), 4000
    first, second = rng.normal(size=(2, draws, n))
    spread = first.std(axis=1, ddof=1)
    limit = spread * stats.significant_difference(1.0, n, n - 1)
    rate = (np.abs(first.mean(axis=1) - second.mean(axis=1)) > limit).mean()
    assert abs(rate - 0.05) < 2.6 * math.sqrt(0.05 * 0.95 / draws)
    both = spread * stats.significant_difference(1.0, n, 2 * n - 2)  # as if both methods' spreads were known
    assert (np.abs(first.mean(axis=1) - second.mean(axis=1)) > both).mean() > 0.06


def test_the_row_of_the_standard_deviation_has_the_interval_for_heavy_tails():
    """Twenty-four runs err alike, and two far more or less: the plain chi-square interval would be narrower."""
    rng, labels = np.random.default_rng(0), np.arange(1000) % 2
    error = np.full(26, 0.2)
    error[:2] = 0.05, 0.35
    correct = rng.random((26, 1000)) >= error[:, None]
    row = next(class_rows(correct, labels, np.zeros(26, int), rng))
    expected = stats.std(100 * correct.mean(axis=1))
    assert row["metric"] == "accuracy_std" and row["freedom"] == 25
    assert (row["value"], row["low"], row["high"]) == pytest.approx(expected[:3])
    assert row["high"] > 1.1 * stats.std_interval(row["value"], 25).high
