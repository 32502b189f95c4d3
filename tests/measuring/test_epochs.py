"""Accuracy, its spread and churn after each epoch, by hand."""

import numpy as np
import pytest

from noisegrid.measuring.epochs import epoch_rows
from noisegrid.measuring.predictions import Predictions

LABELS = np.array([0, 1, 1, 0])
#: Two runs, two epochs, four examples: 25 and 75 % are correct after the first epoch, 75 and 75 % after the second.
BY_EPOCH = np.array([[[1, 0, 1, 1], [0, 1, 1, 1]], [[0, 1, 1, 1], [0, 1, 0, 0]]], dtype=np.int16)


def rows(by_epoch: np.ndarray | None, sets: tuple[int, int] = (0, 0)) -> dict[tuple[str, str], dict]:
    final = BY_EPOCH[:, -1]
    found = Predictions(LABELS, final, final, None, None, {}, by_epoch)
    return {(row["metric"], row["group"]): row for row in epoch_rows(found, np.array(sets))}


def test_every_epoch_has_its_numbers():
    found = rows(BY_EPOCH)
    value = {key: row["value"] for key, row in found.items()}
    assert value["epoch_accuracy_mean", "epoch 1"] == 50 and value["epoch_accuracy_mean", "epoch 2"] == 75
    assert value["epoch_accuracy_std", "epoch 1"] == pytest.approx(50 / 2**0.5)
    assert value["epoch_accuracy_std", "epoch 2"] == 0
    assert (value["epoch_churn", "epoch 1"], value["epoch_churn", "epoch 2"]) == (50, 50)
    assert len(found) == 6 and found["epoch_churn", "epoch 1"]["n_pairs"] == 1


def test_runs_of_different_seed_sets_are_not_compared_and_without_predictions_there_is_nothing():
    assert not any(metric == "epoch_churn" for metric, _ in rows(BY_EPOCH, (0, 1)))
    assert rows(None) == {}
