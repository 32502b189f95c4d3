"""Values and tokens: the error, its spread, churn by tolerance and bits per token, by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from noisegrid.measuring.predictions import Predictions
from noisegrid.measuring.values import token_rows, value_rows

LABELS = np.array([[0.0], [1.0], [2.0], [3.0]], dtype=np.float32)
#: Two runs: the first is wrong by 1 in one of four examples, the second by 0.2 in all.
PREDICTED = np.array([[0.0, 1.0, 2.0, 4.0], [0.2, 1.2, 2.2, 3.2]], dtype=np.float32)
RUNS = [SimpleNamespace(has=lambda which: False)] * 2


def rows(task: dict) -> dict[tuple[str, str], dict]:
    found = Predictions(LABELS, PREDICTED, PREDICTED, None, None, {})
    made = value_rows(task, RUNS, found, np.array([0, 1]), np.array([0, 0]))
    return {(row["metric"], row["group"]): row for row in made}


def test_the_error_and_its_spread():
    found = rows({"tolerance": 0.5})
    value = {key: row["value"] for key, row in found.items()}
    assert value["rmse", "replicate 0"] == pytest.approx(0.5) and value["rmse", "replicate 1"] == pytest.approx(0.2)
    assert value["rmse_mean", "all"] == pytest.approx(0.35)
    assert value["rmse_std", "all"] == pytest.approx(0.3 / 2**0.5)
    # the predictions differ by 0.2, 0.2, 0.2 and 0.8, and the std of two numbers is their difference over root two
    assert value["prediction_std_mean", "all"] == pytest.approx(0.35 / 2**0.5, rel=1e-5)


def test_churn_counts_differences_beyond_the_tolerance():
    assert rows({"tolerance": 0.5})["churn", "all"]["value"] == 25
    assert rows({"tolerance": 0.1})["churn", "all"]["value"] == 100
    assert rows({"tolerance": 1.0})["churn", "all"]["value"] == 0
    # by default a tenth of the std of the labels, which is the root of 1.25
    default = rows({})["churn", "all"]
    assert default["value"] == 100 and default["note"] == "share of predictions that differ by more than 0.112"


def test_bits_per_token_of_known_probabilities():
    """Even shares of four tokens are two bits; a share of one half is one bit."""
    labels = np.array([3, 0, 2])
    even, half = np.zeros((3, 4)), np.log(np.array([[1, 1, 1, 3], [3, 1, 1, 1], [1, 1, 3, 1]]) / 6)
    found = {(row["metric"], row["group"]): row for row in token_rows([even, half], labels, np.arange(2), np.zeros(2))}
    assert found["bits_per_token", "replicate 0"]["value"] == pytest.approx(2)
    assert found["bits_per_token", "replicate 1"]["value"] == pytest.approx(1)
    assert found["bits_per_token_mean", "all"]["value"] == pytest.approx(1.5)
