"""Cells become the narrowest column, and nothing that is no number becomes one."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisegrid.reading.cells import column, column_of, is_missing, is_text, looks_like_number, why_no_number


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["1", " 2", "+3"], "i", [1, 2, 3]),
        (["1", "2.5"], "f", [1, 2.5]),
        (["true", "False", "TRUE"], "b", [True, False, True]),
        ([True, False], "b", [True, False]),
        ([1, 2.5], "f", [1, 2.5]),
        (["1", "two"], "O", ["1", "two"]),
        ([1, "two", None], "O", ["1", "two", ""]),
        # these are names made of digits: as numbers, two of them could become the same
        (["007", "7"], "O", ["007", "7"]),
        (["1_2", "12"], "O", ["1_2", "12"]),
        (["10000000000000000000", "10000000000000000001"], "O", ["10000000000000000000", "10000000000000000001"]),
        ([10**30, 1], "O", [str(10**30), "1"]),
    ],
)
def test_the_narrowest_type_that_holds_all_cells(cells, kind, values):
    found = column(cells)
    assert found.dtype.kind == kind and found.tolist() == values


def test_a_missing_number_is_masked_and_nan_is_not():
    found = column(["0.5", "", "NaN", "null"])
    assert is_missing(found).tolist() == [False, True, False, True]
    assert found[0] == 0.5 and math.isnan(found.data[2])


def test_a_text_that_says_none_stays_where_others_are_texts():
    assert column(["NA", "cat", ""]).tolist() == ["NA", "cat", ""]
    assert is_missing(column(["NA", "cat", ""])).tolist() == [False, False, True]


def test_a_column_without_any_cell_is_missing_altogether():
    assert is_missing(column(["", ""])).all()


@given(st.lists(st.text(), min_size=1))
def test_every_text_becomes_a_column_of_its_length(cells):
    found = column(cells)
    assert found.shape == (len(cells),)
    if is_text(found):
        assert found.tolist() == cells


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_survive_being_written(values):
    assert column([repr(value) for value in values]).tolist() == values


@given(st.lists(st.from_regex(r"[0-9_]{1,25}", fullmatch=True), min_size=2, unique=True))
def test_different_names_of_digits_stay_different(names):
    assert len(set(column(names).tolist())) == len(names)


def test_arrays_of_any_type():
    assert column_of(np.array([b"cat", b"dog"])).tolist() == ["cat", "dog"]
    assert column_of(np.array(["1", "2"])).tolist() == [1, 2]
    assert column_of(np.array([0.5], np.float32)).dtype == float
    assert is_missing(column_of(np.array([1.0, None, float("nan")], object))).tolist() == [False, True, True]
    assert column_of(np.array(["2026-01-01"], "datetime64[D]")).tolist() == ["2026-01-01"]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("93.1 %", "has a percent sign"),
        ("93,1%", "has a percent sign"),
        ("93,1", "has a decimal comma"),
        ("-0,1", "has a decimal comma"),
        ("failed", "is no number"),
        ("1,234.5", "is no number"),
    ],
)
def test_why_a_text_is_no_number(cell, reason):
    assert why_no_number(cell).startswith(reason)


def test_what_looks_like_a_number():
    assert all(map(looks_like_number, ["1", "-1e-3", "93,1", "93.1 %", "nan"]))
    assert not any(map(looks_like_number, ["", "%", "accuracy", "1_2", "0x1", "1 2"]))
