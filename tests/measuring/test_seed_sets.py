"""Intervals over seed sets, on simulated replicates whose seed sets differ, and the note on cells with one set."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats

from noisegrid.common.notes import join_notes
from noisegrid.measuring import across_hardware, cell
from noisegrid.measuring.classes import class_rows
from noisegrid.measuring.pairs import pair_rows
from noisegrid.records.record import Replicate
from noisegrid.study.resolve import SEED_SETS
from noisegrid.study.seeds import derive_seeds
from noisegrid.study.sources import FREE, ONE_SEED_SET
from noisegrid.study.study import Cell

DRAWS, REPLICATES, IMAGES = 1_000, 10, 300
#: A seed set decides how often a run is wrong: mean and standard deviation over seed sets.
ERROR, SPREAD = 0.10, 0.03
#: Churn of two runs with the same rate of errors f on two classes is 2 f (1 - f); with independent rates it is larger.
WITHIN, ANY = 200 * (ERROR - ERROR**2 - SPREAD**2), 200 * (ERROR - ERROR**2)
LABELS = np.zeros(IMAGES, np.int64)


class Simulated(Replicate):
    """A replicate in memory, without weights and logits."""

    def __init__(self, of: Cell, number: int, predicted: np.ndarray) -> None:
        seeds = derive_seeds(1, of.task, of.noise, number, of.seed_sets)
        record = {
            "cell": {"noise": of.noise},
            "replicate": number,
            "seeds": seeds,
            "weight_hash": str(number),
            "device": {"model": of.hardware},
            "settings": {"hardware": {}},
            "software": {"torch": "2", "python": "3"},
        }
        super().__init__(Path(str(number)), record)
        object.__setattr__(self, "predicted", predicted)

    def predictions(self) -> dict[str, np.ndarray]:
        return {"label": LABELS, "predicted": self.predicted, "midpoint_predicted": self.predicted}  # type: ignore[attr-defined]

    def has(self, which: str) -> bool:
        return False


def a_cell(seed_sets: int, noise: str = "impl", hardware: str = "a") -> Cell:
    return Cell(
        "s", hardware, "t", noise, REPLICATES, {"seed_sets": seed_sets, "free": sorted(FREE[noise]), "task": {}}
    )


def replicates(of: Cell, predictions: np.ndarray) -> list[Replicate]:
    return [Simulated(of, number, predicted) for number, predicted in enumerate(predictions)]


def predictions(rng: np.random.Generator) -> np.ndarray:
    """Return the predictions of ten runs of five seed sets that differ in their rate of errors."""
    rates = np.clip(rng.normal(ERROR, SPREAD, SEED_SETS), 0, 1)[np.arange(REPLICATES) % SEED_SETS]
    return (rng.random((REPLICATES, IMAGES)) < rates[:, None]).astype(np.int16)


def measured(wrong: np.ndarray, seed_sets: int) -> dict[str, dict]:
    """Return the rows with the mean accuracy, churn, and churn across hardware, whose other side makes no errors."""
    numbers = np.arange(len(wrong))
    first, second = a_cell(seed_sets), a_cell(seed_sets, hardware="b")
    sets = cell.seed_set_of(first, numbers)
    rows = [
        *cell.accuracy_rows(wrong == LABELS, numbers, sets),
        *pair_rows(wrong, None, numbers, sets),
        *across_hardware.compare((first, replicates(first, wrong)), (second, replicates(second, 0 * wrong))),
    ]
    return {row["metric"]: row for row in rows if row["group"] == "all"}


@pytest.mark.parametrize("seed_sets", [SEED_SETS, 1])
def test_intervals_over_sets_cover_the_truth_and_intervals_over_runs_do_not(seed_sets):
    truth = {
        "accuracy_mean": 100 * (1 - ERROR),
        "churn": WITHIN if seed_sets > 1 else ANY,
        "churn_across_hardware": 100 * ERROR,
    }
    rng, covered = np.random.default_rng(17), dict.fromkeys(truth, 0)
    for _ in range(DRAWS):
        found = measured(predictions(rng), seed_sets)
        for metric, value in truth.items():
            covered[metric] += found[metric]["low"] <= value <= found[metric]["high"]
    low, high = scipy_stats.binom.interval(0.99, DRAWS, 0.95)
    for metric, count in covered.items():
        assert (low <= count <= high) if seed_sets > 1 else count < low, (metric, covered)


def test_what_an_interval_is_over_is_stated():
    found = measured(predictions(np.random.default_rng(1)), SEED_SETS)
    across = found["churn_across_hardware"]
    assert (across["interval"], across["seed_sets"], across["freedom"]) == ("t over sets", SEED_SETS, SEED_SETS - 1)
    assert (across["n_replicates"], across["n_pairs"], across["note"]) == (REPLICATES, REPLICATES, "")
    assert found["churn"]["freedom"] == found["accuracy_mean"]["freedom"] == SEED_SETS - 1
    one = measured(predictions(np.random.default_rng(1)), 1)["churn_across_hardware"]
    assert (one["interval"], one["seed_sets"], one["freedom"]) == ("t over runs", 1, REPLICATES - 1)
    assert one["note"] == ONE_SEED_SET


def test_the_difference_across_hardware_by_hand():
    """Sets of two replicates with 1 and 3, 5 and 7, 2 and 2 errors in 100 images: means 2, 6 and 2 percent."""
    wrong = np.zeros((6, 100), np.int16)
    for number, errors in enumerate((1, 5, 2, 3, 7, 2)):
        wrong[number, :errors] = 1
    cells = a_cell(3), a_cell(3, hardware="b")
    (row,) = across_hardware.compare(
        (cells[0], replicates(cells[0], wrong)), (cells[1], replicates(cells[1], 0 * wrong))
    )
    error = np.std([2, 6, 2], ddof=1) / np.sqrt(3)
    assert row["value"] == pytest.approx(10 / 3) and row["error"] == pytest.approx(error)
    assert row["high"] == pytest.approx(10 / 3 + scipy_stats.t.ppf(0.975, 2) * error)


def test_only_replicates_with_the_same_seeds_are_compared_across_hardware():
    """Of ten replicates in five sets and ten in one, those with the numbers 0 and 5 share their seeds."""
    wrong = predictions(np.random.default_rng(1))
    five, one = a_cell(SEED_SETS), a_cell(1, hardware="b")
    (row,) = across_hardware.compare((five, replicates(five, wrong)), (one, replicates(one, 0 * wrong)))
    assert (row["n_replicates"], row["seed_sets"]) == (2, 1) and row["note"].endswith(ONE_SEED_SET)
    assert row["value"] == pytest.approx(100 * wrong[[0, 5]].mean())
    few = replicates(one, 0 * wrong)[:5]
    assert list(across_hardware.compare((five, replicates(five, wrong)), (one, few))) == []
    free = a_cell(SEED_SETS, "algo"), a_cell(1, "algo", "b")  # no held seed matters
    (row,) = across_hardware.compare((free[0], replicates(free[0], wrong)), (free[1], replicates(free[1], 0 * wrong)))
    assert (row["n_replicates"], row["seed_sets"], row["note"]) == (REPLICATES, 1, "")


@pytest.mark.parametrize(
    ("noise", "seed_sets", "note"),
    [("impl", 1, ONE_SEED_SET), ("impl", 5, ""), ("algo", 1, ""), ("algo_impl", 1, ""), ("one_ulp", 1, ONE_SEED_SET)],
)
def test_every_row_of_a_cell_with_one_seed_set_says_so(noise, seed_sets, note):
    of = a_cell(seed_sets, noise)
    rows = cell.measure(of, replicates(of, predictions(np.random.default_rng(1))), {"diverged": 0, "failed": 0})
    assert all(row["note"].endswith(note) and (note or ONE_SEED_SET not in row["note"]) for row in rows)
    assert {row["seed_sets"] for row in rows} == {seed_sets}
    spread = {row["metric"]: row for row in rows}["accuracy_std"]
    assert spread["freedom"] == REPLICATES - seed_sets  # pooled within sets


def test_notes_are_joined_without_repetition():
    assert join_notes("width zero", "", ONE_SEED_SET) == "width zero; conditional on one seed set"
    assert join_notes(f"width zero; {ONE_SEED_SET}", ONE_SEED_SET) == "width zero; conditional on one seed set"
    assert join_notes("", "") == ""


def test_the_spread_of_the_sets_is_separate():
    """Two sets with 1 and 3, 6 and 6 errors of 100: std within is 1 point, the sets' means are 2 and 6."""
    wrong = np.zeros((4, 100), bool)
    for number, errors in enumerate((1, 6, 3, 6)):
        wrong[number, :errors] = True
    rows = class_rows(~wrong, np.zeros(100, int), np.array([0, 1, 0, 1]), np.random.default_rng(0))
    found = {row["metric"]: row for row in rows if row["group"] == "all"}
    assert found["accuracy_std"]["value"] == pytest.approx(1) and found["accuracy_std"]["freedom"] == 2
    between = found["accuracy_std_between_seed_sets"]
    assert between["value"] == pytest.approx(np.std([2, 6], ddof=1)) and between["freedom"] == 1


def test_values_on_two_kinds_of_hardware_are_compared_by_tolerance():
    """Labels have a standard deviation of 1. The second hardware adds 0.01 to all values, and 1 to a tenth of them."""

    class OfValues(Simulated):
        def predictions(self):
            return super().predictions() | {"label": np.resize([-1.0, 1.0], IMAGES)}

    one = np.zeros((2, IMAGES), np.float32)
    other = one + 0.01 + (np.arange(IMAGES) % 10 == 0)
    sides = [
        (of, [OfValues(of, number, values[number]) for number in range(2)])
        for of, values in ((a_cell(1), one), (a_cell(1, hardware="b"), other))
    ]
    (row,) = (row for row in across_hardware.compare(*sides) if row["metric"] == "churn_across_hardware")
    assert row["value"] == 10
