"""The churn of each run against the others of its seed set."""

import numpy as np
import pytest

from noisegrid.measuring.pairs import pair_rows, run_churn_rows

#: Churn of four runs, in percent.
CHURN = np.array([[0, 10, 20, 60], [10, 0, 30, 60], [20, 30, 0, 60], [60, 60, 60, 0]], float)


def by_run(churn: np.ndarray, numbers: list[int], sets: list[int]) -> dict[str, float]:
    rows = run_churn_rows(churn, np.array(numbers), np.array(sets))
    return {row["group"]: row["value"] for row in rows if row["metric"] == "run_churn"}


def test_a_run_that_lies_apart_has_the_most_churn():
    assert by_run(CHURN, [0, 1, 2, 7], [0, 0, 0, 0]) == pytest.approx(
        {"replicate 0": 30, "replicate 1": 100 / 3, "replicate 2": 110 / 3, "replicate 7": 60}
    )


def test_runs_of_other_seed_sets_do_not_count_and_a_run_alone_has_no_row():
    assert by_run(CHURN, [0, 1, 2, 3], [0, 1, 0, 2]) == {"replicate 0": 20, "replicate 2": 20}


def test_the_mean_over_runs_is_the_churn_of_the_cell():
    predicted = np.array([[0, 0, 1, 1], [0, 1, 1, 1], [1, 1, 1, 0]])
    rows = list(pair_rows(predicted, None, np.arange(3), np.zeros(3, int)))
    (churn,) = [row["value"] for row in rows if row["metric"] == "churn"]
    runs = [row["value"] for row in rows if row["metric"] == "run_churn"]
    assert runs == [50, 37.5, 62.5] and np.mean(runs) == pytest.approx(churn)
