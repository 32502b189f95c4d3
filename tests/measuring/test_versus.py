"""From simulated predictions to rows, tables and sentences: the test set's part of the spread, and two methods."""

import numpy as np
import pandas as pd
import pytest
from factories import cells, study, write_study

from noisegrid.common import versions
from noisegrid.measuring import test_set
from noisegrid.measuring.predictions import Predictions
from noisegrid.measuring.rows import csv_of
from noisegrid.measuring.versus import versus_rows
from noisegrid.reporting import findings, tables_cells
from noisegrid.reporting.metrics_frame import load_metrics
from noisegrid.study import design
from noisegrid.study.check import mistakes
from noisegrid.study.resolve import load_study
from noisegrid.study.study import Versus

COMMON = {"study": "s", "hardware": "cpu", "device": "d", "versions": "v", "schema": versions.METRICS}
ONE_SET = np.zeros(10, int)
FIVE_SETS = np.repeat(np.arange(5), 2)


def frame_of(rows, folder, **common) -> pd.DataFrame:
    """Write rows as metrics.csv, and load them again, as the commands do."""
    path = folder / "metrics.csv"
    path.write_text(csv_of([COMMON | {"task": "new", "noise": "algo_impl"} | common | row for row in rows]))
    return load_metrics(path)


def predictions(correct: np.ndarray, labels: np.ndarray, **groups: np.ndarray) -> Predictions:
    wrong = (labels + 1) % max(2, labels.max() + 1)
    predicted = np.where(correct.reshape(-1, *labels.shape), labels[None], wrong[None])
    return Predictions(labels, predicted.reshape(len(correct), -1), predicted, None, None, groups)


def runs(rng, n=10, images=600, std=0.0, accuracy=0.8) -> np.ndarray:
    """Simulate runs with this standard deviation of accuracy on the distribution; all other errors are independent."""
    return rng.random((n, images)) < accuracy + std * rng.normal(size=(n, 1))


# --- the part of the test set ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("std", "vanishes"), [(0.0, True), (0.1, False)])
def test_what_vanishes_is_said_through_rows_table_and_sentence(tmp_path, std, vanishes):
    labels = np.arange(600) % 3
    found = predictions(runs(np.random.default_rng(0), std=std), labels)
    frame = frame_of(test_set.test_set_rows(found, ONE_SET), tmp_path, n_replicates=10, n_examples=600)
    (row,) = tables_cells.test_set_table(frame).to_dict("records")
    assert (row["vanishing_share_of_variance_high"] == 1) == vanishes
    assert (row["remaining_std_percentage_points_low"] > 3) != vanishes
    (sentence,) = findings.test_set_sentences(frame)
    assert "is about these 600 test examples and would vanish" in sentence
    assert f"{row['remaining_std_percentage_points']:.2f} [" in sentence and "10 runs" in sentence
    rows = frame[frame["metric"] == "accuracy_std_distribution"]
    assert list(rows["group"]) == ["all", "class 0", "class 1", "class 2"]


def test_a_class_and_a_sub_group_are_measured_on_their_own_images():
    rng, labels = np.random.default_rng(0), np.repeat([0, 1], 400)
    correct = np.hstack([runs(rng, images=400), runs(rng, images=400, std=0.1)])  # only class 1 varies as a whole
    rows = {(row["metric"], row["group"]): row for row in test_set.test_set_rows(predictions(correct, labels), ONE_SET)}
    assert (
        rows["accuracy_std_distribution", "class 0"]["value"] < 2 < rows["accuracy_std_distribution", "class 1"]["low"]
    )
    attributes = np.stack([labels, 1 - labels], axis=1)
    masks = np.stack([labels == 0, labels == 1], axis=1)
    twice = np.stack([correct, runs(rng, images=800)], axis=-1).reshape(10, -1)
    named = {"group": masks, "group_name": np.array(["still", "moves"]), "target": np.array(0)}
    found = {
        (row["metric"], row["group"]): row
        for row in test_set.test_set_rows(predictions(twice, attributes, **named), ONE_SET)
    }
    for name, same in (("still", "class 0"), ("moves", "class 1")):
        one, other = found["accuracy_std_distribution", name], rows["accuracy_std_distribution", same]
        assert one["value"] == pytest.approx(other["value"])
    assert ("test_set_share", "class 1") in found


def test_numbers_that_cannot_be_taken_as_they_are_have_a_note():
    rng = np.random.default_rng(3)
    labels = np.array([0] * 599 + [2])
    rows = {(r["metric"], r["group"]): r for r in test_set.test_set_rows(predictions(runs(rng), labels), ONE_SET)}
    assert rows["test_set_share", "class 1"]["note"] == "undefined: 0 test examples"
    assert rows["test_set_share", "class 2"]["note"] == "undefined: 1 test examples"
    still = np.tile(runs(rng, n=1), (10, 1))
    rows = {(r["metric"], r["group"]): r for r in test_set.test_set_rows(predictions(still, labels), ONE_SET)}
    assert rows["test_set_share", "all"]["note"] == "undefined: all runs have the same accuracy"
    assert rows["accuracy_std_distribution", "all"]["high"] == 0
    negative = 0
    for seed in range(10):
        found = predictions(runs(np.random.default_rng(seed)), labels)
        row, share = list(test_set.test_set_rows(found, ONE_SET))[:2]
        if row["note"]:
            negative += 1
            assert "negative (-" in row["note"] and row["value"] == 0 and share["value"] > 1 and share["high"] == 1
    assert 0 < negative < 10


# --- two methods -----------------------------------------------------------------------------------------------------


def compared(folder, first, second, sets=ONE_SET, noise="algo_impl", **options) -> tuple[pd.Series, str]:
    versus = Versus("cpu", "old", "new", noise, **options)
    rows = [row | {"group": "vs old"} for row in
            versus_rows(versus, first, second, sets, sets, np.random.default_rng(0))]  # fmt: skip
    frame = frame_of(rows, folder, noise=noise, n_replicates=10, n_examples=600)
    (sentence,) = findings.versus_sentences(frame)
    return tables_cells.versus_table(frame).iloc[0], sentence


def test_better_and_worse_are_not_swapped(tmp_path):
    rng = np.random.default_rng(0)
    low, high = runs(rng, accuracy=0.7), runs(rng, accuracy=0.8)
    row, sentence = compared(tmp_path, low, high)
    assert (row["a"], row["b"], row["verdict"], row["further_runs_or_sets"]) == ("old", "new", "better", 0)
    assert row["difference_percentage_points"] == pytest.approx(100 * (high.mean() - low.mean()), rel=1e-6)
    assert row["b_better"] == 1 and row["violation_ratio"] == 0 and row["test"] == "Welch t over runs"
    assert f"new is better than old by {row['difference_percentage_points']:.2f} [{row['low']:.2f}, " in sentence
    row, sentence = compared(tmp_path, high, low)
    assert row["verdict"] == "worse" and row["b_better"] == 0 and row["violation_ratio"] == 1
    assert f"new is worse than old by {-row['difference_percentage_points']:.2f} [{-row['high']:.2f}, " in sentence


def test_undecided_says_what_would_decide_and_equivalent_needs_a_margin(tmp_path):
    rng = np.random.default_rng(1)
    first, second = runs(rng, std=0.02), runs(rng, std=0.02)
    row, sentence = compared(tmp_path, first, second)
    assert row["verdict"] == "undecided" and row["further_runs_or_sets"] > 0
    assert f"A difference below {row['smallest_percentage_points']:.2f} points cannot be shown" in sentence
    assert f"{row['further_runs_or_sets']:,} further runs per method would show" in sentence
    row, sentence = compared(tmp_path, first, second, margin=10.0)
    assert row["verdict"] == "equivalent" and "is equivalent within 10 points" in sentence


def test_sets_are_paired_only_if_there_are_several_and_unless_told_otherwise(tmp_path):
    rng = np.random.default_rng(2)
    level = 0.8 + 0.05 * rng.normal(size=5)[FIVE_SETS, None]  # what the sets of both methods share
    first, second = rng.random((10, 600)) < level, rng.random((10, 600)) < level + 0.04
    paired, _ = compared(tmp_path, first, second, FIVE_SETS, "order")
    assert paired["test"] == "paired t over sets" and paired["verdict"] == "better"
    unpaired, sentence = compared(tmp_path, first, second, FIVE_SETS, "order", unpaired=True)
    assert unpaired["test"] == "Welch t over sets" and unpaired["verdict"] == "undecided"
    assert "further seed sets per method" in sentence
    single, sentence = compared(tmp_path, first, second, ONE_SET, "order")
    assert single["test"] == "Welch t over runs" and sentence.endswith("conditional on one seed set.")
    assert compared(tmp_path, first, second)[0]["note"] == ""  # all algorithmic sources are free


def test_equal_runs_have_a_note(tmp_path):
    rng = np.random.default_rng(0)
    still = np.tile(runs(rng, n=1), (10, 1))
    row, sentence = compared(tmp_path, still, still)
    assert row["verdict"] == "undecided" and sentence.endswith("width zero: the runs agree exactly.")
    assert "no number of runs would" in sentence


def test_test_images_count_once_for_two_methods(tmp_path):
    rng = np.random.default_rng(0)
    hard = rng.random(600) < 0.3  # images that neither method gets right
    first, second = (~hard & runs(rng, accuracy=0.98) for _ in range(2))
    row, _ = compared(tmp_path, first, second)
    alone = next(r for r in test_set.test_set_rows(predictions(first, np.zeros(600, int)), ONE_SET)
                 if r["metric"] == "accuracy_sampling_error")  # fmt: skip
    assert row["test_examples_add_percentage_points"] < alone["value"] / 4


def test_a_study_without_comparisons_has_no_table_of_them(tmp_path):
    labels = np.arange(600) % 3
    found = predictions(runs(np.random.default_rng(0)), labels)
    frame = frame_of(test_set.test_set_rows(found, ONE_SET), tmp_path, n_replicates=10, n_examples=600)
    assert tables_cells.versus_table(frame).empty and findings.versus_sentences(frame) == []


# --- the key of a study ----------------------------------------------------------------------------------------------

A, B, OTHER = "smallcnn-digits", "smallcnn_bn-digits", "smallcnn-fashion_mnist"


def document(*entries: dict) -> dict:
    block = cells(A, "algo_impl", "order") | {"tasks": [A, B, OTHER]}
    return study(block, versus=list(entries))


def test_comparisons_are_resolved_and_survive_design_json(tmp_path):
    path = write_study(tmp_path, document({"a": A, "b": B}, {"a": A, "b": B, "noise": "order", "margin": 0.5}))
    found = load_study(str(path))
    assert found.versus == (Versus("cpu", A, B, "algo_impl"), Versus("cpu", A, B, "order", margin=0.5))
    design.write(found, tmp_path / "design.json")
    assert design.read(tmp_path / "design.json").versus == found.versus
    without = document()
    del without["versus"]
    digests = [cell.digest for cell in load_study(str(write_study(tmp_path, without))).cells]
    assert digests == [cell.digest for cell in found.cells]  # comparing trains nothing anew


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([{"a": A}], "versus[0]: the key 'b' is missing; add it (the task whose accuracy is called better or worse)"),
        ([{"a": A, "b": A}], f"versus[0]: a and b are both {A}; name two tasks"),
        ([{"a": A, "b": "smalcnn_bn-digits"}], f"versus[0]: b: unknown task 'smalcnn_bn-digits'; did you mean '{B}'?"),
        ([{"a": A, "b": B, "noise": "oder"}], "versus[0]: unknown noise 'oder'; did you mean 'order'?"),
        (
            [{"a": A, "b": B, "noise": "impl"}],
            f"versus[0]: {A} and {B} do not both have a cell with the noise impl on cpu; add the cells, or name "
            "another noise or hardware",
        ),
        (
            [{"a": A, "b": OTHER}],
            f"versus[0]: {A} has the dataset digits and {OTHER} has fashion_mnist; only accuracies on the same test "
            "set can be compared",
        ),
        (
            [{"a": A, "b": B}, {"a": A, "b": B}],
            f"versus[1]: the comparison of {A} and {B} occurs twice; remove one of them",
        ),
        (
            [{"a": A, "b": B, "margin": 0}],
            "versus[0].margin: 0 must be greater than 0 (largest difference in percentage points that does not "
            "matter; without it, nothing is called equivalent)",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(tmp_path, entries, sentence):
    path = write_study(tmp_path, document(*entries))
    assert mistakes(str(path)) == [f"{path}: {sentence}"]
