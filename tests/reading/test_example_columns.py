"""Tables with one row per test example: correctness, predictions with labels, and scores with ids."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisegrid.reading.csv_tables import parse
from noisegrid.reading.examples import places_of
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.sides import read_side
from noisegrid.reading.table import Choice


def side(tmp_path, *texts, choice=None):
    for number, text in enumerate(texts):
        (tmp_path / f"run{number}.csv").write_text(text)
    return read_side([str(tmp_path / f"run{number}.csv") for number in range(len(texts))], choice or Choice())


@pytest.mark.parametrize(
    "text",
    [
        "correct\n1\n0\n1\n1\n",
        "id,correct\na,true\nb,false\nc,true\nd,true\n",
        "id,correct\na,1.0\nb,0.0\nc,1.0\nd,1.0\n",
        "predicted,label\n0,0\n1,0\n2,2\n1,1\n",
        "predicted,label\n0,0.0\n1,0.0\n2,2.0\n1,1.0\n",
        "id,Prediction,Target\na,cat,cat\nb,dog,cat\nc,rat,rat\nd,dog,dog\n",
        "y_pred;y_true;confidence\n0;0;0.7\n1;0;0.2\n2;2;0.9\n1;1;0.8\n",
    ],
)
@pytest.mark.parametrize("metric", [None, "accuracy", "acc"])
def test_the_share_of_correct_predictions(tmp_path, text, metric):
    runs = side(tmp_path, text, choice=Choice(metric))
    assert runs.values.tolist() == [75] and runs.unit == " percentage points"
    assert runs.examples.scores.tolist() == [[True, False, True, True]]
    assert runs.metric == metric or (metric is None and runs.metric == "accuracy")
    assert runs.names == (str(tmp_path / "run0.csv"),)


def test_classes_of_predictions_by_hand(tmp_path):
    texts = ("predicted,label\n0,0\n1,0\n2,2\n", "predicted,label\n0,0\n7,0\n2,2\n")
    runs = side(tmp_path, *texts)
    names = np.array(runs.examples.classes)
    assert names[runs.examples.predicted].tolist() == [["0", "1", "2"], ["0", "7", "2"]]
    assert names[runs.examples.labels].tolist() == ["0", "0", "2"]
    assert sorted(runs.examples.classes) == ["0", "1", "2", "7"]
    file = str(tmp_path / "run0.csv")
    assert runs.read[0] == (file, "predictions of 3 examples", 3, 1) and len(runs.read) == 2


def test_scores_with_ids(tmp_path):
    runs = side(tmp_path, "id,loss\na,1\nb,2\n", "id,loss\nb,4\na,2\n")
    assert runs.values.tolist() == [1.5, 3] and runs.metric == "loss" and runs.unit == ""
    assert runs.examples.ids.tolist() == ["a", "b"] and runs.examples.scores.tolist() == [[1, 2], [2, 4]]


def test_booleans_are_scores_of_examples_and_no_results_of_runs(tmp_path):
    runs = side(tmp_path, "doc_id,exact_match,filter\n1,true,none\n2,false,none\n")
    assert runs.values.tolist() == [50] and runs.metric == "exact_match" and runs.examples.scores.dtype == bool
    with pytest.raises(CannotJudge, match="has no column of numbers that may be the metric"):
        side(tmp_path, "augmented\ntrue\nfalse\n")


def test_zeros_and_ones_of_rows_without_an_id_are_no_runs(tmp_path):
    message = "column 'score' of .*run0.csv has zeros and ones alone; if each row is a test example, add a column `id`"
    for text in ("question,score\nWhy?,1\nHow?,0\n", "score\n1.0\n0.0\n", "seed,score\n1,1\n1,0\n2,1\n2,1\n"):
        with pytest.raises(CannotJudge, match=message):
            side(tmp_path, text)
    assert side(tmp_path, "run,score\n1,1\n2,0\n").values.tolist() == [1, 0]
    assert side(tmp_path, "seed,score\n1,1\n2,0\n").values.tolist() == [1, 0]
    assert side(tmp_path, "score\n1\n", "score\n0\n").values.tolist() == [1, 0]
    assert side(tmp_path, "question,score\nWhy?,1\nHow?,0.5\n").values.tolist() == [1, 0.5]


def test_another_metric_of_the_same_predictions(tmp_path):
    text = "predicted,label,loss\n0,0,0.5\n1,0,1.5\n"
    runs = side(tmp_path, text, choice=Choice("loss"))
    assert runs.values.tolist() == [1] and runs.examples.predicted is not None
    with pytest.raises(CannotJudge, match="unknown metric 'los'; did you mean 'loss'"):
        side(tmp_path, text, choice=Choice("los"))


def test_a_regression_has_scores_and_no_classes(tmp_path):
    runs = side(tmp_path, "id,prediction,target,mae\n1,0.5,0.75,0.25\n2,0.5,1.0,0.5\n", choice=Choice("mae"))
    assert runs.values.tolist() == [0.375] and runs.examples.predicted is None


@pytest.mark.parametrize("name", ["run", "seed", "run_id"])
def test_several_runs_in_one_file(tmp_path, name):
    text = f"{name},id,correct\n1,a,1\n1,b,0\n2,b,1\n2,a,1\n"
    runs = side(tmp_path, text)
    assert runs.values.tolist() == [50, 100]
    assert runs.examples.scores.tolist() == [[True, False], [True, True]]
    assert runs.seeds == (("1", "2") if name == "seed" else None)


def test_a_seed_in_each_file(tmp_path):
    runs = side(tmp_path, "seed,correct\n3,1\n3,0\n", "seed,correct\n4,1\n4,1\n")
    assert runs.seeds == ("3", "4") and runs.names == (str(tmp_path / "run0.csv"), str(tmp_path / "run1.csv"))


@pytest.mark.parametrize("name", ["filename", "file_name", "image", "Path", "image_id"])
def test_the_files_of_predictions_are_their_ids(tmp_path, name):
    texts = f"{name},y_true,y_pred\n1.png,0,0\n2.png,1,0\n", f"{name},y_true,y_pred\n2.png,1,1\n1.png,0,0\n"
    runs = side(tmp_path, *texts)
    assert runs.examples.ids.tolist() == ["1.png", "2.png"] and runs.examples.scores.tolist() == [
        [True, False],
        [True, True],
    ]
    text = f"{name},correct\n1.png,1\n2.png,0\n"
    assert side(tmp_path, text).examples.ids.tolist() == ["1.png", "2.png"]


def test_the_files_of_several_runs_in_one_table(tmp_path):
    text = "seed,filename,label,predicted\n1,a,0,0\n1,b,1,0\n2,b,1,1\n2,a,0,0\n"
    assert side(tmp_path, text).examples.scores.tolist() == [[True, False], [True, True]]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("image,label,predicted\na,0,0\na,1,0\n", None),  # crops of one image
        ("filename,label,predicted\na,0,0\n,1,0\n", None),
        ("path,image,label,predicted\nx,a,0,0\nx,b,1,0\n", ["a", "b"]),
        ("id,filename,label,predicted\n7,a,0,0\n8,b,1,0\n", [7, 8]),
    ],
)
def test_files_that_are_no_ids(tmp_path, text, ids):
    found = side(tmp_path, text).examples.ids
    assert ids == (None if found is None else found.tolist())


def test_a_file_for_each_run_is_no_id_of_an_example(tmp_path):
    runs = side(tmp_path, "path,loss\na.pt,0.5\nb.pt,0.25\n")
    assert runs.examples is None and runs.values.tolist() == [0.5, 0.25]


def test_ids_of_runs_are_no_ids_of_examples(tmp_path):
    runs = side(tmp_path, "id,seed,loss\na,1,0.5\nb,2,0.25\n")
    assert runs.examples is None and runs.values.tolist() == [0.5, 0.25] and runs.seeds == ("1", "2")
    runs = side(tmp_path, "id,loss\na,0.5\n", "id,loss\nb,0.25\n")
    assert runs.examples is None and runs.values.tolist() == [0.5, 0.25]


def test_a_number_of_correct_answers_is_a_result_of_a_run(tmp_path):
    runs = side(tmp_path, "seed,correct\n1,9312\n2,9287\n")
    assert runs.examples is None and runs.values.tolist() == [9312, 9287]


def test_one_of_the_runs_without_predictions_leaves_none(tmp_path):
    runs = side(tmp_path, "predicted,label\n0,0\n1,0\n", "correct\n1\n1\n")
    assert runs.examples.predicted is None and runs.values.tolist() == [50, 100]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["id,correct\na,1\nb,0\na,1\n"], "row 1 of {0} and row 3 have the same id, 'a'; keep one row per example"),
        (["id,correct\na,1\n,0\n"], "the id of row 2 of {0} is empty"),
        (["id,correct\na,1\nb,\n"], "the accuracy of row 2 of {0} is empty; give each example a score"),
        (["id,loss\na,1\nb,nan\n"], "the loss of row 2 of {0} is nan; give each example a score"),
        (
            ["path,correct\nx/a,1\nx/b,0\n", "path,correct\ny/a,1\ny/b,0\n"],
            "{0} has 2 examples and {1} has 2, of which 0 match by id (such as 'x/a' and 'y/a'); give all runs",
        ),
        (["predicted,label\n0,0\n,1\n"], "row 2 of {0} has nothing in column 'predicted', which is no class"),
        (["predicted,label\n0,0\n0.7,1\n"], "row 2 of {0} has '0.7' in column 'predicted', which is no class"),
        (["predicted,label\ncat,0\ndog,1\n"], "no predicted class of {0} is among the labels, such as 'cat' and '0'"),
        (["correct\n1\n"], "{0} has a single test example"),
        (["correct\n1\n0\n", "correct\n1\n0\n1\n"], "{0} has 2 examples and {1} has 3, and not both have ids"),
        (["correct\n1\n0\n", "id,correct\na,1\nb,0\n"], "{0} has 2 examples and {1} has 2, and not both have ids"),
        (
            ["id,correct\na,1\nb,0\nc,1\n", "id,correct\nb,1\nc,0\nd,1\n"],
            "{0} has 3 examples and {1} has 3, of which 2 match by id; give all runs the same test set",
        ),
        (
            ["predicted,label\n0,0\n1,1\n2,2\n", "predicted,label\n0,0\n1,2\n2,1\n"],
            "2 of 3 examples have another label in {1} than in {0}; give all runs the same test set",
        ),
        (
            ["correct\n1\n0\n", "accuracy\n0.5\n"],
            "{0} has one row per example (correctness of 2 examples) and {1} has results of runs (column 'accuracy')",
        ),
    ],
)
def test_examples_that_do_not_fit_are_refused(tmp_path, texts, message):
    with pytest.raises(CannotJudge) as caught:
        side(tmp_path, *texts)
    assert str(caught.value).startswith(message.format(tmp_path / "run0.csv", tmp_path / "run1.csv"))


@given(st.lists(st.integers(0, 99), min_size=1, unique=True), st.lists(st.integers(0, 99), min_size=1, unique=True))
def test_places_of_ids(ids, among):
    for as_text in (False, True):
        first = np.array([str(each) for each in ids], object) if as_text else np.array(ids)
        places, count = places_of(first, np.array(among))
        assert count == len(set(ids) & set(among))
        assert all(among[place] == each for each, place in zip(ids, places, strict=True) if each in among)


@given(st.permutations(range(6)))
def test_the_order_of_the_examples_does_not_matter(order):
    from noisegrid.reading.columns import runs_of
    from noisegrid.reading.examples import together

    rows = ["a,0,0", "b,1,0", "c,2,2", "d,0,2", "e,1,1", "f,2,0"]
    first, second = (
        runs_of(parse("id,predicted,label\n" + "\n".join(lines), "base.csv"), Choice()).runs[0].scores
        for lines in (rows, [rows[place] for place in order])
    )
    both = together(["first", "second"], [first, second])
    assert np.array_equal(both.scores[0], both.scores[1]) and np.array_equal(both.predicted[0], both.predicted[1])
