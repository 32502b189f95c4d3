"""Metrics against values computed by hand, against slow obvious versions, and against simulated truth."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats as scipy_stats

from noisegrid import stats
from noisegrid.measuring.rows import metric_row

predictions_of = arrays(np.int64, st.tuples(st.integers(2, 6), st.integers(1, 30)), elements=st.integers(0, 4))


def test_mean_by_hand():
    # 1, 2, 3: mean 2, sem 1/sqrt(3), t(0.975, 2) = 4.302653
    value, low, high = stats.mean(np.array([1.0, 2.0, 3.0]))[:3]
    assert value == 2
    assert high - 2 == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
    assert 2 - low == pytest.approx(high - 2)


def test_std_by_hand():
    # 1, 2, 3, 4: squared deviations sum to 5, over 3; chi-square(3) quantiles 9.348404 and 0.215795
    value, low, high = stats.std(np.array([1.0, 2.0, 3.0, 4.0]))[:3]
    assert value == pytest.approx(math.sqrt(5 / 3))
    assert low == pytest.approx(math.sqrt(5 / 9.348404), rel=1e-5)
    assert high == pytest.approx(math.sqrt(5 / 0.215795), rel=1e-5)


@pytest.mark.parametrize(("n", "low", "high"), [(5, 0.60, 2.88), (10, 0.69, 1.82), (20, 0.76, 1.46), (100, 0.88, 1.16)])
def test_std_interval_factors_are_the_known_ones(n, low, high):
    assert stats.std_interval(1.0, n - 1)[1:3] == pytest.approx((low, high), abs=0.0095)


def test_equal_replicates_spread_exactly_nothing():
    accuracies = np.full(10, 100 * 556 / 597)
    assert np.std(accuracies, ddof=1) > 0  # the plain formula's rounding: what `spread` is there to avoid
    assert stats.spread(accuracies) == 0
    assert stats.reference_std(accuracies) == 0


def test_churn_by_hand():
    predictions = np.array([[0, 1, 2, 3], [0, 1, 2, 0], [1, 1, 2, 0]])
    expected = np.array([[0, 0.25, 0.5], [0.25, 0, 0.25], [0.5, 0.25, 0]])
    assert np.array_equal(stats.churn_matrix(predictions), expected)
    assert stats.pair_mean(expected).value == pytest.approx(1 / 3)


@given(predictions_of)
def test_churn_is_the_slow_obvious_one(predictions):
    slow = [
        sum(a != b for a, b in zip(first, second, strict=True)) / len(first)
        for first, second in combinations(predictions.tolist(), 2)
    ]
    matrix = stats.churn_matrix(predictions)
    assert stats.pair_mean(matrix).value == pytest.approx(sum(slow) / len(slow))
    assert np.array_equal(matrix, matrix.T) and not matrix.diagonal().any()


def test_pair_interval_is_the_jackknife_over_runs():
    matrix = np.array([[0, 1, 2, 4], [1, 0, 3, 5], [2, 3, 0, 6], [4, 5, 6, 0]], float)
    without = [  # each run left out in turn, mean over the pairs that are left
        np.mean([matrix[i, j] for i, j in combinations([k for k in range(4) if k != out], 2)]) for out in range(4)
    ]
    error = math.sqrt(3 / 4 * sum((w - np.mean(without)) ** 2 for w in without))
    value, low, high = stats.pair_mean(matrix)[:3]
    assert value == pytest.approx(21 / 6)
    assert high == pytest.approx(value + 3.182446 * error, rel=1e-5)
    assert low == max(0, value - 3.182446 * error) or low == pytest.approx(value - 3.182446 * error, rel=1e-5)


def test_pairs_can_be_picked():
    matrix = np.array([[0, 1, 9, 9], [1, 0, 9, 9], [9, 9, 0, 3], [9, 9, 3, 0]], float)
    groups = np.array([0, 0, 1, 1])
    together = groups[:, None] == groups
    assert stats.pair_mean(matrix, together).value == 2
    assert stats.pair_mean(matrix, ~together).value == 9


def test_sets_that_hold_the_same_seeds_are_left_out_whole():
    matrix = np.array([[0, 1, 9, 8], [1, 0, 7, 9], [9, 7, 0, 3], [8, 9, 3, 0]], float)
    sets = np.array([0, 0, 1, 1])
    together = sets[:, None] == sets
    value, low, high = stats.pair_mean(matrix, together, sets)[:3]
    # without set 0: 3, without set 1: 1; their jackknife error is sqrt(1/2 * 2), t with one degree of freedom 12.7062
    assert (value, low) == (2, 0) and high == pytest.approx(2 + 12.7062, rel=1e-5)
    between = stats.pair_mean(matrix, ~together, sets)
    assert between.value == 8.25 and math.isnan(between.low)  # without one of two sets there is nothing between


def test_the_mean_of_several_sets_varies_with_the_sets():
    value, low, high = stats.mean(np.array([80, 82, 84, 91, 93.0]), np.array([0, 0, 0, 1, 1]))[:3]
    assert (
        value == 87 and high - value == pytest.approx(12.7062 * 5, rel=1e-5) and low == pytest.approx(2 * value - high)
    )
    one = np.array([80, 82, 84.0])
    assert stats.mean(one, np.zeros(3)) == stats.mean(one)


def test_intervals_over_sets_cover_the_truth():
    """Four sets of five runs whose seeds matter more than what is free: as if all were independent, far too narrow."""
    rng, sets = np.random.default_rng(0), np.repeat(np.arange(4), 5)
    covered = {"sets": 0, "runs": 0}
    for _ in range(200):
        values = rng.normal(0, 1, 4)[sets] + rng.normal(0, 0.3, 20)
        for name, found in (("sets", stats.mean(values, sets)), ("runs", stats.mean(values))):
            covered[name] += found.low <= 0 <= found.high
    assert 180 <= covered["sets"] <= 200 and covered["runs"] < 140


def test_a_set_of_one_says_nothing_of_the_spread():
    assert stats.pooled_spread(np.array([90.0, 91, 92]), np.array([0, 0, 1])) == pytest.approx(math.sqrt(0.5))
    assert math.isnan(stats.pooled_spread(np.array([90.0, 92]), np.array([0, 1])))
    assert stats.replicates_needed(math.nan, 0.3) is None


def test_pooled_spread_by_hand():
    # around their own means: 1, 3 give squares 2; 10, 14, 18 give squares 32; over 2 + 3 - 2 degrees of freedom
    values = np.array([1.0, 3.0, 10.0, 14.0, 18.0])
    assert stats.pooled_spread(values, np.array([0, 0, 1, 1, 1])) == pytest.approx(math.sqrt(34 / 3))
    assert stats.pooled_spread(values, np.zeros(5)) == pytest.approx(np.std(values, ddof=1))


def test_one_pair_has_no_interval():
    value, low, high = stats.pair_mean(np.array([[0, 0.5], [0.5, 0]]))[:3]
    assert value == 0.5 and math.isnan(low) and math.isnan(high)


def test_pair_interval_covers_the_truth():
    """Runs whose examples flip independently: true churn 2 p (1 - p). Pairs share runs, and the interval knows it."""
    rng, p, covered = np.random.default_rng(0), 0.1, 0
    for _ in range(200):
        _, low, high, *_ = stats.pair_mean(stats.churn_matrix((rng.random((8, 300)) < p).astype(int)))
        covered += low <= 2 * p * (1 - p) <= high
    assert 180 <= covered <= 200


def test_l2_by_hand():
    weights = [np.array([3, 4, 9], np.float32), np.array([0, 5, 5], np.float32)]
    matrices = stats.l2_matrices(weights, parameters=2)
    assert matrices["raw"][0, 1] == pytest.approx(math.sqrt(10))
    assert matrices["raw_buffers"][0, 1] == pytest.approx(math.sqrt(26))
    assert matrices["unit"][0, 1] == pytest.approx(math.hypot(0.6, 0.2))
    assert matrices["unit_buffers"][0, 1] == pytest.approx(
        np.linalg.norm(weights[0] / math.sqrt(106) - weights[1] / math.sqrt(50))
    )


@given(arrays(np.float32, (4, 23), elements=st.floats(-2, 2, width=32)), st.integers(1, 30))
def test_l2_in_chunks_is_the_slow_obvious_one(weights, block):
    matrices = stats.l2_matrices(list(weights), parameters=23, block=block)
    for i, j in combinations(range(4), 2):
        slow = math.sqrt(sum((float(a) - float(b)) ** 2 for a, b in zip(weights[i], weights[j], strict=True)))
        assert matrices["raw"][i, j] == pytest.approx(slow, abs=1e-12)
        exact = weights.astype(np.float64)
        lengths = [np.linalg.norm(exact[k]) or 1.0 for k in (i, j)]
        unit = np.linalg.norm(exact[i] / lengths[0] - exact[j] / lengths[1])
        assert matrices["unit"][i, j] == pytest.approx(unit, abs=1e-12)


def test_l2_sees_one_unit_in_the_last_place_and_nothing_else():
    first = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    second = first.copy()
    second[500] = np.nextafter(second[500], np.float32(9))
    matrices = stats.l2_matrices([first, first.copy(), second], parameters=1000)
    assert all(matrix[0, 1] == 0 and matrix[0, 2] > 0 for matrix in matrices.values())
    assert matrices["raw"][0, 2] == pytest.approx(abs(float(second[500]) - float(first[500])), rel=1e-12)


def test_class_accuracies_by_hand():
    correct = np.array([[True, False, True, True], [False, False, True, False]])
    parts = stats.Parts(np.array([0, 0, 1, 1]), 3)
    accuracies = stats.rates(parts.hits(correct), parts.sizes)
    assert np.array_equal(accuracies[:, :2], [[0.5, 1], [0, 0.5]])
    assert np.isnan(accuracies[:, 2]).all()  # a class without examples has no accuracy


def test_mean_difference_is_scipys_welch_interval():
    first, second = np.array([1.0, 2.0, 4.0, 4.5]), np.array([0.5, 3.0, 2.5])
    for confidence in (0.9, 0.95):
        theirs = scipy_stats.ttest_ind(first, second, equal_var=False).confidence_interval(confidence)
        ours = stats.mean_difference(first, second, confidence)
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
        assert ours.value == pytest.approx(first.mean() - second.mean())
    equal = stats.mean_difference(np.ones(3), np.zeros(3))
    assert equal[:3] == (1.0, 1.0, 1.0)


def test_the_raw_distance_is_one_of_the_four():
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(70_000).astype(np.float32) for _ in range(3)]
    weights.append(weights[0].copy())
    raw = stats.l2_raw_matrix(weights)
    assert np.array_equal(raw, stats.l2_matrices(weights, len(weights[0]))["raw"]) and raw[0, 3] == 0 < raw[0, 1]


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_logit_correlation_is_numpys_after_centring(seed):
    logits = np.random.default_rng(seed).standard_normal((3, 7, 4))
    shifted = logits + np.random.default_rng(seed + 1).standard_normal((3, 7, 1))  # changes no prediction
    assert stats.logit_correlation_matrix(shifted) == pytest.approx(stats.logit_correlation_matrix(logits))
    centred = [run - run.mean(axis=1, keepdims=True) for run in logits]
    slow = np.corrcoef(centred[0].ravel(), centred[1].ravel())[0, 1]
    assert stats.logit_correlation_matrix(logits)[0, 1] == pytest.approx(slow)


def test_calibration_error_by_hand():
    # confidences 0.9, 0.9 (one right), 0.6 (right): bins hold gaps |1 - 1.8| and |1 - 0.6|
    confidence, right = np.array([0.9, 0.9, 0.6]), np.array([True, False, True])
    assert stats.expected_calibration_error(confidence, right) == pytest.approx((0.8 + 0.4) / 3)


def test_artifact_readings_by_hand():
    assert stats.reference_std(np.array([1.0, 3.0])) == 1.0  # ddof 0, where ddof 1 gives sqrt(2)
    assert stats.reference_agreement(np.array([[0, 1, 2, 3], [0, 1, 2, 0]])) == 0.75


def test_significant_difference_by_hand():
    # t(0.975, 9) = 2.262157
    assert stats.significant_difference(0.5, 10, 9) == pytest.approx(2.262157 * 0.5 * math.sqrt(0.2), rel=1e-6)


def test_replicates_needed_is_the_textbook_number():
    # effect size 0.5, power 80 %, two-sided 5 %: 64 per group (Cohen 1988); effect size 0.8: 26
    assert stats.replicates_needed(1.0, 0.5) == 64
    assert stats.replicates_needed(1.0, 0.8) == 26
    assert stats.replicates_needed(1.0, 1e-6) is None


def test_power_is_what_simulation_says():
    from scipy import stats as scipy_stats

    rng, n = np.random.default_rng(0), 12
    a, b = rng.standard_normal((4000, n)), rng.standard_normal((4000, n)) + 1.0
    assert stats.t_power(1.0, [1.0, 1.0], n) == pytest.approx(
        (scipy_stats.ttest_ind(a, b, axis=1).pvalue < 0.05).mean(), abs=0.025
    )


def test_ten_resnets_are_measured_without_holding_them_twice(tmp_path):
    """Ten vectors of 11 million weights, memory-mapped: float64 copies of all would take 900 MB, a block takes 80."""
    import resource

    values = 11_183_562
    weights = []
    for run in range(10):
        vector = np.lib.format.open_memmap(tmp_path / f"{run}.npy", "w+", np.float32, (values,))
        vector[:] = run
        vector.flush()
        weights.append(np.load(tmp_path / f"{run}.npy", mmap_mode="r"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    matrices = stats.l2_matrices(weights, parameters=values - 9600)
    mapped = 10 * values * 4  # pages of the files themselves count as resident while they are mapped
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < mapped + 400e6
    assert matrices["raw_buffers"][0, 9] == pytest.approx(9 * math.sqrt(values))


def test_what_has_no_interval_has_empty_fields_and_what_has_one_ends_at_a_hundred():
    none = metric_row("churn", "percent", stats.Estimate(3.0, math.nan, math.nan), "jackknife over runs")
    assert math.isnan(none["low"]) and math.isnan(none["high"]) and none["interval"] == ""
    row = metric_row("churn", "percent", stats.Estimate(99.0, 97.0, 101.0), "jackknife over runs")
    assert (row["low"], row["high"], row["interval"]) == (97.0, 100.0, "jackknife over runs")
