"""What is measured in a crossed cell: its rows, how a lost replicate shows, and what its replicates must share."""

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from factories import study, write_study

from noisegrid.common.errors import NoisegridError
from noisegrid.measuring.crossed import component_rows
from noisegrid.measuring.predictions import Predictions
from noisegrid.measuring.replicates import check_together
from noisegrid.records.record import Replicate
from noisegrid.study.resolve import load_study
from noisegrid.study.seeds import derive_seeds, levels

LEVELS = {"init": 3, "order": 2}
LABELS = np.zeros(50, np.int64)


def predictions(predicted: np.ndarray) -> Predictions:
    return Predictions(LABELS, predicted.astype(np.int16), predicted.astype(np.int16), None, None, {})


def rows_of(predicted: np.ndarray, numbers: list[int]) -> dict[tuple[str, str], SimpleNamespace]:
    rows = component_rows(predictions(predicted), np.array(numbers), LEVELS, np.random.default_rng(1))
    return {(row["metric"], row["group"]): SimpleNamespace(**row) for row in rows}


def of_init_alone() -> np.ndarray:
    """Predictions that only `init` decides: level k of it errs on the first 10 k images."""
    run = [(np.arange(50) < 10 * level) for level in (0, 0, 1, 1, 2, 2)]
    return np.array(run)


def test_rows_of_a_cell_in_which_one_source_decides_everything():
    rows = rows_of(of_init_alone(), [0, 1, 2, 3, 4, 5])
    assert rows["crossed_churn", "all"].value == pytest.approx(100 * (10 + 20 + 10) / 50 / 3)
    assert rows["crossed_std", "all"].value == pytest.approx(20)  # accuracies 100, 80 and 60 %
    for outcome in ("predictions", "accuracy"):
        for ending in ("", "_alone"):
            assert rows[f"component_{outcome}{ending}", "init"].value == pytest.approx(100)
            assert rows[f"component_{outcome}{ending}", "order"].value == pytest.approx(0, abs=1e-9)
        assert rows[f"component_{outcome}", "init × order"].value == pytest.approx(0, abs=1e-9)
    assert "no width" in rows["component_accuracy", "order"].note
    assert rows["component_accuracy", "init"].unit == "percent"


def test_the_order_of_the_replicates_does_not_matter():
    shuffled = [3, 0, 5, 1, 4, 2]
    rows, again = rows_of(of_init_alone(), [0, 1, 2, 3, 4, 5]), rows_of(of_init_alone()[shuffled], shuffled)
    assert {key: row.value for key, row in rows.items()} == {key: row.value for key, row in again.items()}


def test_a_negative_estimate_is_reported_with_a_note():
    noise = np.random.default_rng(5).random((6, 50)) < 0.4
    rows = rows_of(noise, list(range(6)))
    assert "two levels, so the interval is wide" in rows["component_predictions", "order"].note
    negative = [row for row in rows.values() if row.value < 0]
    assert negative and all("negative estimate, shown as 0" in row.note for row in negative)


def test_a_lost_replicate_leaves_nothing_to_measure_but_the_reason():
    rows = rows_of(of_init_alone()[1:], [1, 2, 3, 4, 5])
    assert rows.keys() == rows_of(of_init_alone(), [0, 1, 2, 3, 4, 5]).keys()
    for row in rows.values():
        assert math.isnan(row.value) and row.note == "undefined: 1 of the 6 combinations of levels did not finish"


def test_equal_runs_have_undefined_shares():
    rows = rows_of(np.zeros((6, 50), bool), list(range(6)))
    assert rows["crossed_churn", "all"].value == 0
    share = rows["component_predictions", "init"]
    assert math.isnan(share.value) and share.note == "undefined: all runs are equal"


# --- what replicates with the same level share ---


@pytest.fixture
def cell(tmp_path):
    crossed = {"hardware": ["cpu"], "tasks": ["smallcnn-digits"], "crossed": {"init": 2, "impl": 2}}
    return load_study(str(write_study(tmp_path, study(crossed)))).cells[0]


def replicates_of(cell) -> list[Replicate]:
    same = {
        "code": {"training_digest": "a", "network_digest": "b"},
        "device": {"model": "c"},
        "software": {"torch": "d"},
        "dataset": {"digest": "e"},
    }

    def record(number):
        level = levels(cell.crossed, number)
        return same | {
            "replicate": number,
            "initial_weight_hash": f"weights {level['init']}",
            "weight_hash": f"final {number}",
            "flags": {"threads": 1 + level["impl"]},
            "seeds": derive_seeds(1, cell.task, cell.noise, number, crossed=cell.crossed),
        }

    return [Replicate(Path(str(number)), record(number)) for number in range(cell.replicates)]


def test_replicates_with_the_same_level_share_what_it_holds(cell):
    check_together(cell, replicates_of(cell))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (
            "initial_weight_hash",
            "others",
            "0 and 1 differ in initial_weight_hash .*which the level 0 of init holds fixed",
        ),
        ("flags", {"threads": 9}, "1 and 3 differ in flags .*which the level 1 of impl holds fixed"),
        ("seeds", {"init": 1, "impl": 2}, "0 and 1 differ in seeds.init .*which the level 0 of init holds fixed"),
    ],
)
def test_a_replicate_that_differs_from_those_of_its_level_is_named(cell, key, value, words):
    replicates = replicates_of(cell)
    replicates[1].record[key] = value
    with pytest.raises(NoisegridError, match=words):
        check_together(cell, replicates)
