"""Named entries and their differences, with numbers computed by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from noisegrid.common.errors import NoisegridError
from noisegrid.testing.values import differences, entries, sentence, table


def words(a, b):
    """Return how each entry differs."""
    return {one.name: one.words for one in differences(entries(a, "a"), entries(b, "b"))}


def test_names_are_those_of_mappings_lists_and_modules():
    found = entries({"model": nn.Linear(2, 1), "steps": [1, 2.0], "name": "sgd"}, "a checkpoint")
    assert list(found) == ["model.weight", "model.bias", "steps.0", "steps.1", "name"]
    assert list(entries(torch.ones(2), "a tensor")) == [""]


@pytest.mark.parametrize(
    "value",
    [torch.ones(2, 3), np.ones((2, 3)), 0.5, 1 + 2j, 3, "text", None, True, float("nan"), torch.float16,
     torch.ones(2, dtype=torch.bfloat16), np.ones(2, np.complex64), np.zeros(3, bool), np.ones((), np.float32)],
)  # fmt: skip
def test_a_value_equals_itself(value):
    assert words(value, value) == {}


def test_ulp_and_relative_differences():
    """One and two ULP of 1.0 in float32 are 2^-23 and 2^-22; the norm of three ones is the root of three."""
    up = torch.tensor([1.0, 1 + 2**-23, 1 + 2**-22])
    relative = f"{(5**0.5 * 2**-23) / 3**0.5:.2g}"
    assert words(torch.ones(3), up) == {"": f"1 to 2 ULP in 2 of 3 values, relative {relative}"}
    assert words({"a": np.float16(1)}, {"a": np.float16(1 + 2**-10)}) == {
        "a": "1 ULP in 1 of 1 value, relative 0.00098"
    }
    assert words(torch.ones(2, dtype=torch.bfloat16), torch.tensor([1, 1 + 2**-7], dtype=torch.bfloat16)) == {
        "": f"1 ULP in 1 of 2 values, relative {2**-7 / 2**0.5:.2g}"
    }


@pytest.mark.parametrize(
    ("a", "b", "what"),
    [
        (np.array([0.0, 1.0]), np.array([-0.0, 1.0]), "other bits in 1 of 2 values"),
        (np.array([1, 2, 3]), np.array([1, 5, 6]), "other bits in 2 of 3 values"),
        (np.array([True]), np.array([False]), "other bits in 1 of 1 values"),
        (torch.tensor([1.0, torch.nan]), torch.ones(2), "1 of 2 values are infinite or not a number on one side"),
        (torch.ones(2, 3), torch.ones(3, 2), "shape (2, 3) against (3, 2)"),
        (torch.ones(2), torch.ones(2).double(), "dtype float32 against float64"),
        (1, True, "1 against True"),
        (1, 2, "1 against 2"),
        ("x" * 50, "y\x1b", f"'{'x' * 39}… against 'y\\x1b'"),
        (1, torch.ones(2), "1 against an array"),
    ],
)
def test_other_differences_are_named(a, b, what):
    assert words({"a": a}, {"a": b}) == {"a": what}


def test_strides_and_the_library_do_not_matter():
    values = torch.arange(6.0).reshape(2, 3)
    assert words(values, values.t().contiguous().t()) == {}
    assert words(values, values.numpy()) == {}


def test_an_entry_of_one_side_differs():
    assert words({"a": 1, "b": 2}, {"a": 1, "c": 3}) == {"b": "only A has it", "c": "only B has it"}


def test_the_sentence_names_the_first_of_several():
    a = entries({"a": np.ones(2), "b": np.ones(2), "c": np.ones(2)}, "a")
    b = entries({"a": np.ones(2), "b": np.zeros(2), "c": np.ones(3)}, "b")
    found = differences(a, b)
    assert sentence(found, 3).startswith("2 of 3 entries differ, first `b`: ")
    bits = int(np.float64(1).view(np.int64))  # 1.0 is so many ULP from 0.0
    assert [line.split("  ")[0] for line in table(found).splitlines()] == ["entry", "b", "c"]
    assert [line.split() for line in table(found).splitlines()[1:]] == [
        ["b", "2", "of", "2", f"{bits:,}", "1"],
        ["c", "shape", "(2,)", "against", "(3,)"],
    ]
    assert sentence(found[:1], 3).startswith("1 of 3 entries differs, first `b`: ")
    assert table(found[:1]) == ""


def test_a_long_table_is_cut():
    a, b = ({str(name): value for name in range(20)} for value in (1, 2))
    lines = table(differences(a, b)).splitlines()
    assert len(lines) == 14 and lines[-1] == "and 8 more"


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"a": {1, 2}}, "mine has a value of type set at 'a', whose bits cannot be compared"),
        (object(), "mine has a value of type object, whose bits"),
        (np.array(["x"]), "mine has an array of <U1 at '', whose bits"),
        (np.ones(2, np.longdouble), "mine has an array of float128 at '', whose bits"),
    ],
)
def test_what_has_no_bits_to_compare_is_refused(value, sentence):
    with pytest.raises(NoisegridError) as error:
        entries(value, "mine")
    assert sentence in str(error.value)
