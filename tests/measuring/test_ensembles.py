"""Ensembles: the mean of probabilities, by hand; what an ensemble changes, in a simulation; and where there is none."""

import numpy as np
import pytest

from noisegrid.measuring.ensembles import ensemble_rows
from noisegrid.measuring.predictions import Predictions


def predictions(logits: list[np.ndarray], labels: np.ndarray) -> Predictions:
    predicted = np.stack([(one.argmax(1) if labels.ndim == 1 else one > 0).ravel() for one in logits]).astype(np.int16)
    return Predictions(labels, predicted, predicted, logits, None, {})


def rows_of(logits: list[np.ndarray], labels: np.ndarray, sets: list[int] | None = None) -> dict[tuple[str, str], dict]:
    found = ensemble_rows(predictions(logits, labels), np.array(sets or [0] * len(logits)))
    return {(row["metric"], row["group"]): row for row in found}


def test_two_ensembles_by_hand():
    """The first is sure of class 1 in one run, and leans to class 0 in the other: their mean is class 1."""
    labels = np.array([1, 0])
    sure, leaning = np.array([[0.0, 5.0], [4.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    logits = [sure, leaning, leaning, leaning]
    rows = rows_of([one.astype(np.float32) for one in logits], labels)
    # means of probabilities: (0.37, 0.63) and (0.62, 0.38) in the first ensemble; the second is that of `leaning`
    assert rows["ensemble_accuracy", "k = 2"]["value"] == pytest.approx((100 + 0) / 2)
    assert rows["ensemble_churn", "k = 2"]["value"] == 100 and rows["ensemble_churn", "k = 2"]["n_pairs"] == 1
    assert set(rows) == {
        ("ensemble_accuracy", "k = 2"),
        ("ensemble_churn", "k = 2"),
    }  # three runs give no second ensemble


def test_attributes_are_averaged_one_by_one():
    labels = np.array([[1, 0], [0, 1]])
    logits = [np.full((2, 2), value, np.float32) for value in (3.0, -1.0, -3.0, 1.0)]
    rows = rows_of(logits, labels)
    assert rows["ensemble_churn", "k = 2"]["value"] == 100  # (0.95 + 0.27) / 2 is above one half, and its mirror below


def test_larger_ensembles_have_less_churn_and_more_accuracy():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 400)
    truth = 2.0 * np.eye(4)[labels]
    logits = [(truth + rng.normal(0, 2, truth.shape)).astype(np.float32) for _ in range(20)]
    rows = rows_of(logits, labels)
    churn = [rows["ensemble_churn", f"k = {size}"]["value"] for size in (2, 3, 5)]
    accuracy = [rows["ensemble_accuracy", f"k = {size}"]["value"] for size in (2, 3, 5)]
    assert churn == sorted(churn, reverse=True) and accuracy == sorted(accuracy)
    same = rows_of([logits[0]] * 20, labels)
    assert same["ensemble_churn", "k = 5"]["value"] == 0


def test_runs_that_share_held_seeds_and_few_runs_have_no_ensembles():
    labels = np.array([0, 1])
    logits = [np.eye(2, dtype=np.float32)] * 4
    assert rows_of(logits, labels) and not rows_of(logits, labels, [0, 1, 0, 1]) and not rows_of(logits[:3], labels)
