"""Values in Python: data frames and series, with the seeds in their index, and lists of mappings."""

import numpy as np
import pandas as pd
import pytest
import torch

from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.sides import from_values
from noisegrid.reading.table import Choice

FRAME = {"seed": [1, 2, 3], "method": ["sgd", "sgd", "sam"], "accuracy": [0.5, 0.25, 0.75]}


def check_frame(frame):
    runs = from_values(frame, Choice(where=(("method", "sgd"),)), "base")
    assert runs.values.tolist() == [0.5, 0.25] and runs.seeds == ("1", "2") and runs.metric == "accuracy"
    assert runs.names == ("row 1 of base", "row 2 of base")
    assert runs.read == (("base", "column 'accuracy'", 2, 2),)


def test_a_frame_of_pandas():
    check_frame(pd.DataFrame(FRAME))
    check_frame(pd.DataFrame(FRAME).astype({"seed": "Int64", "method": "category"}))
    check_frame(pd.DataFrame(FRAME, dtype=object))


def test_any_frame_with_columns_that_become_arrays():
    """A DataFrame of Polars has these attributes."""

    class Frame:
        columns = tuple(FRAME)

        def __getitem__(self, name):
            return pd.Series(FRAME[name])

    check_frame(Frame())


def test_nan_in_a_frame_is_a_missing_value():
    """pandas has no other; in a history, it stands where another metric was logged."""
    frame = pd.DataFrame({"step": [1, 2, 3], "loss": [2.0, 1.0, np.nan]})
    assert from_values(frame, Choice("loss"), "base").values.tolist() == [1.0]
    with pytest.raises(CannotJudge, match="the loss of row 3 of base is empty"):
        from_values(frame[["loss"]], Choice("loss"), "base")


def test_an_empty_frame_is_refused():
    with pytest.raises(CannotJudge, match="base has no rows"):
        from_values(pd.DataFrame(FRAME)[:0], Choice(), "base")


def test_levels_of_an_index_have_the_seeds_or_choose_rows():
    frame = pd.DataFrame(FRAME)
    for index in ("seed", ["method", "seed"]):
        runs = from_values(frame.set_index(index), Choice("accuracy"), "base")
        assert runs.seeds == ("1", "2", "3") and runs.values.tolist() == [0.5, 0.25, 0.75]
    check_frame(frame.set_index(["method", "seed"]))
    named = frame[["accuracy"]].set_index(pd.Index([7, 8, 9], name="init"))
    assert from_values(named, Choice("accuracy", "init"), "base").seeds == ("7", "8", "9")
    runs = from_values(frame[["accuracy"]].rename_axis("fold"), Choice(), "base")
    assert runs.metric == "accuracy" and runs.seeds is None  # the index is no column of results


def test_a_series_has_the_name_of_its_metric_and_the_seeds_of_its_index():
    frame = pd.DataFrame(FRAME).rename(columns={"accuracy": "val_loss"})
    runs = from_values(frame.val_loss, Choice(), "base")
    assert runs.metric == "val_loss" and runs.values.tolist() == [0.5, 0.25, 0.75] and runs.seeds is None
    assert runs.names[0] == "value 1 of base" and runs.read == (("base", "numbers", 3, 3),)
    assert from_values(frame.set_index("seed").val_loss, Choice(), "base").seeds == ("1", "2", "3")
    chosen = from_values(frame.set_index(["method", "seed"]).val_loss, Choice(where=(("method", "sgd"),)), "base")
    assert chosen.seeds == ("1", "2") and chosen.values.tolist() == [0.5, 0.25]
    assert from_values(frame.val_loss, Choice("loss"), "base").metric == "loss"  # what is asked for comes first


@pytest.mark.parametrize("name", ["epoch", "runtime", "lr"])
def test_the_name_of_a_series_is_a_metric_although_a_column_of_that_name_would_be_a_setting(name):
    assert from_values(pd.Series([0.5, 0.25], name=name), Choice(), "base").metric == name


@pytest.mark.parametrize("name", [None, "", " ", 0, ("a", "b")])
def test_a_series_without_a_name(name):
    assert from_values(pd.Series([0.5, 0.25], name=name), Choice(), "base").metric == "result"


def test_a_series_of_polars():
    """It has a name and no index; its method `index` is none."""

    class Series:
        name = "val_loss"

        def to_numpy(self):
            return np.array([0.5, 0.25])

        def __array__(self, dtype=None, copy=None):
            return self.to_numpy()

    runs = from_values(Series(), Choice(), "base")
    assert runs.metric == "val_loss" and runs.values.tolist() == [0.5, 0.25]


def test_a_series_of_booleans_says_what_is_correct_whatever_its_name():
    runs = from_values(pd.Series([True, False, True, True], name="hit"), Choice(), "base")
    assert runs.values.tolist() == [75] and runs.metric == "accuracy"
    with pytest.raises(CannotJudge, match="base has zeros and ones alone"):
        from_values(pd.Series([1.0, 0.0, 1.0], name="hit"), Choice(), "base")


def test_a_list_of_mappings_is_like_lines_of_json():
    rows = [{"seed": 1, "eval": {"acc": 0.5}}, {"seed": 2, "eval": {"acc": np.float32(0.25)}, "answers": [1, 2]}]
    runs = from_values(rows, Choice("acc"), "base")
    assert runs.metric == "eval.acc" and runs.values.tolist() == [0.5, 0.25] and runs.seeds == ("1", "2")
    assert runs.names == ("row 1 of base", "row 2 of base")
    assert from_values([{"acc": torch.tensor(0.5)}, {"acc": np.array(0.25)}], Choice(), "base").values.tolist() == [
        0.5,
        0.25,
    ]
    assert from_values(pd.DataFrame(FRAME).to_dict("records"), Choice(), "base").metric == "accuracy"


def test_a_frame_of_mappings_as_the_interface_of_weights_and_biases_gives_it():
    summaries = [{"val/acc": 0.5, "_runtime": 9.0, "_wandb": {"runtime": 9}}, {"val/acc": 0.25, "_runtime": 8.0}]
    configs = [{"seed": 1, "method": "sgd"}, {"seed": 2, "method": "sam"}]
    frame = pd.DataFrame({"summary": summaries, "config": configs, "name": ["a", "b"], "tags": [[], ["x"]]})
    runs = from_values(frame, Choice(), "base")
    assert runs.metric == "summary.val/acc" and runs.seeds == ("1", "2") and runs.values.tolist() == [0.5, 0.25]
    assert from_values(frame, Choice("val/acc", where=(("method", "sam"),)), "base").values.tolist() == [0.25]


def test_a_tensor_that_requires_a_gradient_and_a_mask_that_hides_nothing():
    assert from_values(torch.tensor([0.5, 0.25], requires_grad=True), Choice(), "base").values.tolist() == [0.5, 0.25]
    assert from_values(np.ma.masked_array([0.5, 0.25]), Choice(), "base").values.tolist() == [0.5, 0.25]


class NoFrame:
    """It has columns, as a table of Arrow or a lazy frame, and cannot give one of them."""

    columns = ("acc",)

    def __getitem__(self, name):
        raise TypeError


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([{"acc": 0.5}, 0.25], "row 2 of base is no object with the values of its columns, like the others"),
        ([0.5, {"acc": 0.25}], "row 1 of base is no object"),
        ([{}, {}], "base has no values"),
        ([{"acc": [0.5, 0.25]}], "base has no values"),
        ([{1, 2}, {3}], "base has values of the type set; give it numbers or booleans"),
        ({"acc": [{"x": 1}, {"x": 2}]}, "acc of base has values of the type dict"),
        ([torch.zeros(3, requires_grad=True)], "base is no array of numbers or booleans: .*requires grad"),
        (np.ma.masked_array([0.5, 9.0], [False, True]), "base has a masked value, which is no result; leave out"),
        ({"acc": np.ma.masked_array([0.5, 9.0], [False, True])}, "acc of base has a masked value"),
        (np.ma.masked_array([True, False], [False, True]), "base has a masked value"),
        ([np.ma.masked_array([True, False], [False, True]), [True, True]], "base has a masked value"),
        ([{"acc": 0.5}, {"acc": np.ma.masked}], "the acc of row 2 of base is empty"),
        (np.array([(1, 0.5)], [("seed", int), ("acc", float)]), "base is a structured array; give it a mapping"),
        ({"predicted": np.zeros((0, 5)), "label": np.zeros(5)}, "there are no runs to read"),
        (pd.DataFrame([[0.5, 0.25]], columns=["acc", "acc"]), "base has several columns 'acc'; rename or remove"),
        (pd.DataFrame({"a": [[0.5], [0.25]]}), "base has no rows"),
        (NoFrame(), "base is no DataFrame of pandas or Polars"),
        (None, r"base has the shape \(\)"),
        (iter([0.5]), r"base has the shape \(\)"),
        (pd.Series([0.5, None], name="loss"), "the loss of value 2 of base is nan"),
        (pd.Series([], dtype=float), "base is empty"),
    ],
)
def test_other_values_are_refused(value, message):
    with pytest.raises(CannotJudge, match=message) as caught:
        from_values(value, Choice(), "base")
    assert str(caught.value).isprintable()
