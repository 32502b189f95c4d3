"""Simulated replicates: what is planted is what measuring finds, and everything else stays as it was measured."""

from dataclasses import replace

import numpy as np
import pytest

from noisegrid import stats
from noisegrid.common.errors import NoisegridError
from noisegrid.measuring.predictions import Predictions
from noisegrid.measuring.rows import csv_of
from noisegrid.measuring.simulate import Population, estimate, population
from noisegrid.study.study import Cell

CLASSES, IMAGES = 10, 600
LABELS = np.arange(IMAGES) % CLASSES
ABOUT = {"study": "s", "hardware": "cpu", "task": "net-data", "noise": "algo", "without_batch_norm": ""}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def predictions(correct: np.ndarray) -> Predictions:
    """Replicates whose wrong answers are the next class."""
    predicted = np.where(correct, LABELS, (LABELS + 1) % CLASSES).astype(np.int16)
    return Predictions(LABELS, predicted, predicted, None, None, {})


def unstable(n: int = 10, seed: int = 0, of_run: np.ndarray | float = 0.0, share: float = 0.5) -> np.ndarray:
    """Replicates in which a share of the images is unstable, the rest right; `of_run` adds to the error rate."""
    error = (rng(seed).random(IMAGES) < share) * rng(seed + 1).uniform(0.1, 0.5, IMAGES)
    rates = error + np.broadcast_to(np.asarray(of_run), n)[:, None] * (error > 0)
    return rng(seed + 2).random((n, IMAGES)) > rates


def cell(sets: int = 1, **options: object) -> Population:
    return estimate(ABOUT, predictions(unstable(**options)), np.arange(options.get("n", 10)) % sets)


def mean_churn(one: Population, draws: int = 200) -> tuple[float, float]:
    """The mean churn of draws between runs of a set, and its standard error."""
    together = (one.seed_set[:, None] == one.seed_set) & ~np.eye(len(one.seed_set), dtype=bool)
    random = rng(9)
    found = [stats.churn_matrix(one.draw(random))[together].mean() for _ in range(draws)]
    return float(np.mean(found)), float(np.std(found) / np.sqrt(draws))


@pytest.mark.parametrize("sets", [1, 5])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.1])
def test_the_true_churn_is_that_of_the_draws(sets, share):
    one = cell(sets)
    lowered = one.with_churn(share * one.churn)
    assert lowered.churn == pytest.approx(share * one.churn)
    mean, error = mean_churn(lowered)
    assert abs(mean - lowered.churn) < 4 * error


@pytest.mark.parametrize("sets", [1, 5])
def test_without_churn_all_runs_of_a_set_are_equal(sets):
    one = cell(sets).with_churn(0)
    drawn = one.draw(rng())
    assert one.churn == 0
    assert all((drawn[one.seed_set == k] == drawn[k]).all() for k in range(sets))
    assert len(np.unique(drawn, axis=0)) == sets  # each set has its own usual answers


def test_the_churn_of_a_cell_with_sets_is_that_within_them():
    """Two runs in each of five sets are equal, and the sets differ: there is no churn, and other sets differ too."""
    first = np.tile(unstable(5), (2, 1))
    one = estimate(ABOUT, predictions(first), np.arange(10) % 5)
    assert one.churn == 0 and mean_churn(one, 5)[0] == 0
    assert estimate(ABOUT, predictions(first), np.zeros(10, int)).churn > 0.1


def test_the_mean_accuracy_moves_and_the_instability_stays():
    one = cell()
    for by in (-0.05, 0.001):
        moved = one.with_accuracy(one.accuracy + by)
        assert moved.accuracy == pytest.approx(one.accuracy + by)
        assert ((moved.right > 0) & (moved.right < 1)).sum() <= ((one.right > 0) & (one.right < 1)).sum() + 1
        drawn = np.mean([moved.draw(rng(k)) == LABELS for k in range(100)])
        assert drawn == pytest.approx(moved.accuracy, abs=0.002)
    assert (one.with_accuracy(one.accuracy).right == one.right).all()


def test_an_answer_that_was_never_wrong_becomes_another_class():
    one = estimate(ABOUT, predictions(np.ones((5, IMAGES), bool)), np.zeros(5, int)).with_accuracy(0.5)
    drawn = one.draw(rng())
    assert ((drawn == LABELS).mean(axis=1) == 0.5).all()
    assert set(np.unique(drawn)) <= set(range(CLASSES))


def test_wrong_answers_are_those_that_were_measured():
    drawn = cell().draw(rng())
    assert (drawn[drawn != LABELS] == ((LABELS + 1) % CLASSES)[np.nonzero(drawn != LABELS)[1]]).all()


@pytest.mark.parametrize("ratio", [1.0, 2.0, 3.0])
def test_a_class_varies_as_often_as_independent_errors_as_it_was_planted_to(ratio):
    part = LABELS == 3
    one = replace(cell(n=20), run_spread=0.0).with_spread(ratio, part)
    correct = np.concatenate([one.draw(rng(k)) == LABELS for k in range(100)])
    parts = stats.Parts(LABELS, CLASSES)
    over = correct.mean(axis=0)
    null = np.sqrt([(over * (1 - over))[c == LABELS].sum() for c in range(CLASSES)])
    found = parts.hits(correct).std(axis=0, ddof=1) / null
    assert found[3] == pytest.approx(ratio, rel=0.06)
    assert np.delete(found, 3) == pytest.approx(1, rel=0.08)


def test_runs_that_vary_beyond_independent_errors_are_simulated_so():
    """The negative control is the same cell with independent errors."""
    shifts = rng(5).normal(0, 0.06, 60)
    for of_run, low, high in ((shifts, 1.6, 4.0), (0.0, 0.8, 1.25)):
        one = cell(n=60, of_run=of_run)
        simulated = np.concatenate([one.draw(rng(k)) == LABELS for k in range(20)])
        null = np.sqrt((one.right * (1 - one.right)).sum()) / IMAGES
        measured = one.measured.correct.mean(axis=1).std(ddof=1)
        assert simulated.mean(axis=1).std(ddof=1) == pytest.approx(measured, rel=0.15)
        assert low < measured / null < high
        assert np.abs(simulated.mean(axis=0) - one.right).max() < 0.08  # shifts favour no answer


def test_attributes_are_simulated_too():
    labels = (rng().random((200, 3)) < 0.5).astype(int)
    predicted = np.where(rng(1).random((8, 600)) < 0.1, 1 - labels.ravel(), labels.ravel()).astype(np.int16)
    one = estimate(ABOUT, Predictions(labels, predicted, predicted, None, None, {}), np.zeros(8, int))
    drawn = one.with_accuracy(0.7).draw(rng())
    assert set(np.unique(drawn)) == {0, 1}
    assert (drawn == labels.ravel()).mean() == pytest.approx(0.7, abs=0.02)


def test_rows_are_those_of_a_measured_cell():
    one = cell(5)
    rows = one.rows(rng(), classes=True)
    churn = next(row for row in rows if row["metric"] == "churn")
    assert (churn["n_replicates"], churn["seed_sets"], churn["n_pairs"]) == (10, 5, 5)
    assert {"unequal_weights", "accuracy_mean", "class_std_over_null_max"} <= {row["metric"] for row in rows}
    assert csv_of(rows) == csv_of(one.rows(rng(), classes=True))
    assert churn != next(row for row in one.rows(rng(1)) if row["metric"] == "churn")


def test_a_cell_with_one_replicate_has_no_population():
    one = Cell("s", "cpu", "net-data", "algo", 10, {"free": ["init", "order", "augment", "dropout"]})
    with pytest.raises(NoisegridError, match="cpu/net-data/algo: 0 of 10 replicates finished; a simulation needs two"):
        population(one, [])
