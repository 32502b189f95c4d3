"""The part of the spread that is about the test set, against values computed by hand and simulated truths."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats as scipy_stats

from noisegrid import stats

hits = arrays(bool, st.tuples(st.integers(2, 6), st.integers(2, 12)))


def at_least(share: float, draws: int) -> float:
    """Return the lowest share that a 99 % binomial interval around a nominal share allows."""
    return float(scipy_stats.binom.ppf(0.005, draws, share) / draws)


def studies(rng, count, runs, images, std, sensitive=1.0) -> np.ndarray:
    """Simulate studies whose runs share a shift of accuracy with this standard deviation on the distribution.

    The shift acts on a share of the images, which is another one in each study. Everything else errs independently.
    """
    shift = rng.normal(size=(count, runs, 1)) * std / sensitive
    likely = np.where(rng.random((count, 1, images)) < 0.5, 0.98, 0.85)
    reacts = rng.random((count, 1, images)) < sensitive
    return rng.random((count, runs, images)) < np.where(reacts, 0.75 + shift, likely)


def test_split_by_hand():
    # accuracies 3/4, 2/4, 1: variance 1/16. v = 0, 1/3, 1/3, 0: mean 1/6. D = (1/16 - 1/24) / (3/4) = 1/36
    correct = np.array([[1, 1, 0, 1], [1, 0, 0, 1], [1, 1, 1, 1]], bool)
    found = stats.split_by_test_set(correct)
    assert found.variance == pytest.approx(1 / 36)
    assert found.std.value == pytest.approx(1 / 6)
    assert found.share.value == pytest.approx(1 - 16 / 36)
    # chi-square(2): 7.377759 and 0.05063562
    high = (2 / 16 / 0.05063562 - 1 / 24) / (3 / 4)
    assert found.std.low == 0 and found.std.high == pytest.approx(high**0.5, rel=1e-6)
    low = (2 / 16 / 7.377759 - 1 / 24) / (3 / 4)  # negative: all of the variance may vanish
    assert low < 0 and found.share.high == 1 and found.share.low == max(0, 1 - high / (2 / 16 / 0.05063562))


@given(hits)
@settings(max_examples=50, deadline=None)
def test_variance_is_the_mean_covariance_of_two_different_images(correct):
    covariance = np.cov(correct.T.astype(float))
    pairs = permutations(range(correct.shape[1]), 2)
    expected = np.mean([covariance[i, j] for i, j in pairs])
    assert stats.split_by_test_set(correct).variance == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("std", "sensitive"), [(0.0, 1.0), (0.005, 1.0), (0.02, 0.3)])
@pytest.mark.parametrize("runs", [5, 10])
def test_estimate_is_unbiased_and_its_interval_covers(runs, std, sensitive):
    rng, draws = np.random.default_rng(runs), 1000
    correct = studies(rng, draws, runs, 300, std, sensitive)
    found = [stats.split_by_test_set(one) for one in correct]
    variances = np.array([split.variance for split in found])
    assert abs(variances.mean() - std**2) < 3.3 * variances.std() / np.sqrt(draws)
    covered = np.mean([split.std.low <= std <= split.std.high for split in found])
    assert covered >= at_least(0.93, draws)
    if std == 0:  # the unbiased estimate is negative about half of the time
        assert 0.4 < np.mean(variances < 0) < 0.7
        assert all(split.share.value > 1 and split.std.value == 0 for split in found if split.variance < 0)
    else:  # the plain variance on the test set, which the method corrects, is far off
        assert correct.mean(axis=2).var(axis=1, ddof=1).mean() > 1.2 * std**2


def test_shared_errors_remain_and_independent_ones_vanish():
    rng = np.random.default_rng(0)
    independent, shared = (stats.split_by_test_set(studies(rng, 1, 50, 2000, std)[0]) for std in (0.0, 0.05))
    assert independent.share.high == 1 and independent.share.low > 0.5
    assert shared.share.high < 0.2 and shared.std.low > 0.03


def test_seed_sets_are_units():
    rng = np.random.default_rng(0)
    correct = studies(rng, 1, 10, 300, 0.01)[0]
    correct[5:, :100] = False  # the sets differ by far more than the runs of a set
    sets = np.repeat([0, 1], 5)
    found = stats.split_by_test_set(correct, sets)
    separate = [stats.split_by_test_set(correct[sets == index]).variance for index in (0, 1)]
    assert found.variance == pytest.approx(np.mean(separate))
    assert found.std.freedom == 1 and stats.split_by_test_set(correct).std.freedom == 9
    assert stats.split_by_test_set(correct).variance > 50 * found.variance


def test_interval_over_sets_covers():
    rng, draws, std = np.random.default_rng(1), 1000, 0.01
    sets = np.repeat(np.arange(5), 2)
    moved = studies(rng, draws, 10, 300, std)
    always = rng.random((draws, 5, 300)) < 0.1  # what a set shares: some images that its runs never classify correctly
    moved &= ~always[:, sets]
    found = [stats.split_by_test_set(correct, sets) for correct in moved]
    truth = 0.9 * std
    assert np.mean([split.std.low <= truth <= split.std.high for split in found]) >= at_least(0.93, draws)


def test_undefined():
    for correct, sets in ((np.ones((3, 1), bool), None), (np.ones((2, 5), bool), np.array([0, 1]))):
        found = stats.split_by_test_set(correct, sets)
        assert np.isnan([*found.std, *found.share, found.variance]).all()


def test_equal_accuracies_leave_no_share():
    found = stats.split_by_test_set(np.array([[1, 0, 1], [0, 1, 1]], bool))
    assert found.variance < 0 and found.std[:3] == (0, 0, 0) and np.isnan(found.share.value)
    still = stats.split_by_test_set(np.ones((3, 4), bool))
    assert still.variance == 0 and still.std[:3] == (0, 0, 0)


def test_several_predictions_of_an_image_are_one_draw():
    correct = studies(np.random.default_rng(0), 1, 10, 300, 0.01)[0]
    twice = np.stack([correct, correct], axis=-1).mean(axis=-1)  # a second attribute that says the same
    assert stats.split_by_test_set(twice).variance == pytest.approx(stats.split_by_test_set(correct).variance)


def test_sampling_error_by_hand():
    correct = np.array([[1, 1, 0, 1], [1, 0, 0, 1]], bool)  # means 1, 1/2, 0, 1: standard deviation 0.4787136
    assert stats.sampling_error(correct) == pytest.approx(1.959964 * 0.4787136 / 2, rel=1e-6)
    assert stats.sampling_error(correct, correct) == 0
    assert np.isnan(stats.sampling_error(correct[:, :1]))
    other = np.array([[1, 1, 1, 1], [1, 1, 0, 1]], bool)  # differences 0, -1/2, -1/2, 0
    assert stats.sampling_error(correct, other) == pytest.approx(1.959964 * 3**-0.5 / 2 / 2, rel=1e-6)


def test_sampling_error_covers_the_accuracy_on_the_distribution():
    rng, draws = np.random.default_rng(0), 1000
    likely = rng.beta(9, 1, size=(draws, 500))  # mean 0.9
    correct = rng.random((draws, 20, 500)) < likely[:, None]
    errors = [stats.sampling_error(one) for one in correct]
    covered = np.mean(np.abs(correct.mean(axis=(1, 2)) - 0.9) <= errors)
    assert at_least(0.95, draws) <= covered <= 1 - at_least(0.02, draws)
