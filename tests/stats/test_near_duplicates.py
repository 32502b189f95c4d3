"""The test of pairs of runs that are nearly the same: by hand, on independent runs, and on planted pairs."""

import numpy as np
import pytest
from scipy import special
from scipy import stats as scipy_stats

from noisegrid import stats

LOOPS = 100
#: Of 100 tests of which each errs with probability 5 %, at most this number errs (99 %).
MOST = scipy_stats.binom.ppf(0.99, LOOPS, 0.05)


def p_values(predicted, labels=0) -> np.ndarray:
    """Return the p-value of each pair."""
    return stats.p_near_duplicates(predicted == labels, predicted, stats.churn_matrix(predicted))


#: The labels of 1,000 examples of ten classes.
LABELS = np.arange(1000) % 10


def wrong_on(*places) -> np.ndarray:
    """Return runs that predict the next class in these places and the true one elsewhere."""
    predicted = np.tile(LABELS, (len(places), 1))
    for row, its_places in zip(predicted, places, strict=True):
        row[its_places] = (row[its_places] + 1) % 10
    return predicted


def test_by_hand():
    """Each run is wrong on 100 of 1,000 examples; pairs differ on 2, 200 and 200, and thus on 134 on average."""
    p = p_values(wrong_on(np.arange(100), np.r_[0:99, 100], np.arange(200, 300)), LABELS)
    assert p[0, 1] == p[1, 0] == pytest.approx(3 * scipy_stats.poisson.cdf(2, 134 / 4), rel=1e-6)
    assert p[0, 2] == p[1, 2] == 1 and (p.diagonal() == 1).all()


def test_two_good_runs_are_expected_to_differ_on_few_examples():
    bad = [np.arange(100 * run, 100 * run + 400) for run in range(3)]
    good = [np.arange(900, 904), np.arange(904, 908)]
    assert p_values(wrong_on(*good, *bad), LABELS)[0, 1] == 1
    as_close = [np.arange(550, 950), np.r_[554:950, 540:544]]  # they differ on eight examples as well
    assert p_values(wrong_on(*as_close, *bad), LABELS)[0, 1] < 1e-6


def test_runs_that_failed_and_predict_one_class_are_expected_to_agree():
    rng = np.random.default_rng(0)
    predicted = np.where(rng.random((5, 1000)) < 0.8, LABELS, rng.integers(10, size=(5, 1000)))
    predicted[0] = predicted[1] = 3
    predicted[0, :3] = predicted[1, 3:6] = 4
    assert p_values(predicted, LABELS)[0, 1] == 1
    predicted[0] = predicted[1] = rng.permutation(LABELS)  # as wrong, but with predictions of all classes
    predicted[0, :3], predicted[1, 3:6] = 10, 10
    assert p_values(predicted, LABELS)[0, 1] < 1e-6


def test_if_all_runs_are_nearly_the_same_none_differs_from_the_others_in_it():
    predicted = np.tile(wrong_on(np.arange(100)), (5, 1))
    predicted[np.arange(5), np.arange(500, 505)] = 10
    assert (p_values(predicted, LABELS) == 1).all()
    assert (p_values(np.zeros((4, 100), int)) == 1).all()


def of_difficulty(rng, quality, runs=5, examples=400) -> np.ndarray:
    """Return runs whose errors depend on the difficulty of the example and on the quality of the run."""
    right = rng.random((runs, examples)) < special.expit(rng.normal(3, 3, examples) + rng.normal(0, quality, (runs, 1)))
    return np.where(right, 0, rng.integers(1, 10, (runs, examples)))


def of_classifiers(rng, quality, runs=8, examples=1500) -> np.ndarray:
    """Return linear classifiers that differ from the truth by an amount that depends on the run, with label noise."""
    inputs, truth = rng.normal(size=(examples, 10)), rng.normal(size=10)
    found = truth + 0.5 * np.exp(quality * rng.normal(size=(runs, 1))) * rng.normal(size=(runs, 10))
    labels = (inputs @ truth > 0) ^ (rng.random(examples) < 0.03)
    return ((found @ inputs.T > 0) != labels).astype(int)


@pytest.mark.parametrize("draw", [of_difficulty, of_classifiers])
@pytest.mark.parametrize("quality", [0, 0.7, 1])
def test_independent_runs_are_called_nearly_the_same_in_at_most_5_percent(draw, quality):
    rng = np.random.default_rng(int(10 * quality))
    assert sum(p_values(draw(rng, quality)).min() <= 0.05 for _ in range(LOOPS)) <= MOST


@pytest.mark.parametrize("draw", [of_difficulty, of_classifiers])
def test_planted_pairs_are_found(draw):
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(LOOPS):
        predicted = draw(rng, 0.3, examples=1500)
        predicted[1] = predicted[0]
        predicted[1, rng.integers(1500, size=5)] = 1
        p = p_values(predicted)
        found += p[0, 1] <= 0.05 and np.count_nonzero(p <= 0.05) == 2
    assert found > 0.9 * LOOPS
