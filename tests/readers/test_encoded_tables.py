"""Tables of numbers and categories, by hand."""

import numpy as np
import pytest

from noisegrid.common.errors import NoisegridError
from noisegrid.readers.tables import encoded

TRAIN = {"age": np.array([1, 2, 3, 6]), "town": np.array(["b", "a", "b", ""])}
TEST = {"town": np.array(["a", ""]), "age": np.array([3.0, 7.0])}


def test_numbers_are_standardised_by_the_training_rows_and_strings_are_coded():
    """Mean 3, variance (4 + 1 + 0 + 9) / 4 = 3.5; sorted strings: the empty one, a, b. The order is that of `train`."""
    table = encoded(TRAIN, TEST)
    root = 3.5**0.5
    assert table.train_inputs == pytest.approx(np.array([[-2 / root, 2], [-1 / root, 1], [0, 2], [3 / root, 0]]))
    assert table.test_inputs == pytest.approx(np.array([[0, 1], [4 / root, 0]]))
    assert table.train_inputs.dtype == table.test_inputs.dtype == np.float32
    assert table.columns == {"age": (), "town": ("", "a", "b")} and list(table.columns) == ["age", "town"]


def test_strings_that_only_test_rows_have_become_one_category():
    """Neither c nor d nor the empty string is in the training rows. Objects count as strings if they are strings."""
    test = TEST | {"town": np.array(["c", "d"], object)}
    table = encoded(TRAIN, test)
    assert table.columns["town"] == ("", "a", "b", "other")
    assert table.test_inputs[:, 1].tolist() == [3, 3] and 3 not in table.train_inputs[:, 1]
    known = encoded(TRAIN | {"town": np.array(["other", "a", "b", "z"])}, test)
    assert known.columns["town"] == ("a", "b", "other", "z") and known.test_inputs[:, 1].tolist() == [2, 2]


def test_codes_are_those_of_the_training_rows_whatever_the_test_rows_are():
    one, other = (encoded(TRAIN, TEST | {"town": np.array(towns)}) for towns in (["b", "b"], ["0", "A"]))
    assert np.array_equal(one.train_inputs, other.train_inputs)


def test_a_number_that_never_varies_is_zero():
    """0.1 three times has a standard deviation of 1.4e-17 in float64, by which nothing may be divided."""
    column = np.array([0.1, 0.1, 0.1])
    assert column.std() != 0
    table = encoded({"x": column}, {"x": np.array([0.1, 1.1])})
    assert table.train_inputs.tolist() == [[0], [0], [0]] and table.test_inputs == pytest.approx(np.array([[0], [1]]))


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ({"age": np.array([1, np.nan, 3, np.inf])}, {}, "'age': 2 of 4 training rows have no finite number; replace"),
        ({}, {"age": np.array([np.nan, 1])}, "'age': 1 of 2 test rows have no finite number"),
        (
            {"town": np.array(["a", None, "b", "c"])},
            {},
            r"'town': .* neither all numbers nor all strings \(one is None",
        ),
        ({"age": np.array(["1", "2", "3", "4"])}, {}, r"'age': .* neither all numbers nor all strings \(one is 3\.0"),
        ({"town": np.array(["2020-01-01"] * 4, "M8[D]")}, {}, "'town': its values are neither"),
        ({"more": np.array([1, 2, 3, 4])}, {}, "'more': the test rows lack it"),
        ({}, {"more": np.array([1, 2])}, "'more': the training rows lack it"),
        ({"town": np.array(["a", "b"])}, {}, r"'town': the training rows have the shape \[2\].*\[4\]"),
        ({}, {"town": np.array([["a"], ["b"]])}, r"'town': the test rows have the shape \[2, 1\]"),
        ({}, {"age": np.array([]), "town": np.array([], str)}, "the table has no test rows"),
    ],
)
def test_what_cannot_be_encoded_is_one_sentence(train, test, message):
    with pytest.raises(NoisegridError, match=message):
        encoded(TRAIN | train, TEST | test)


def test_a_table_needs_a_column():
    with pytest.raises(NoisegridError, match="the table has no columns"):
        encoded({}, {})
