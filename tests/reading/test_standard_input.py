"""What is on the standard input: numbers, CSV or JSON, and a table with the rows of both sides."""

import io
import sys

import pytest

from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.sides import read_side
from noisegrid.reading.table import Choice


@pytest.fixture
def given(monkeypatch):
    """Put a text on the standard input."""

    def give(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    return give


def test_numbers(given):
    given("0.5\n0.25\n0.75\n")
    runs = read_side(["-"], Choice("accuracy"))
    assert runs.values.tolist() == [0.5, 0.25, 0.75] and runs.metric == "accuracy"
    assert runs.names[0] == "value 1 of the standard input"
    assert runs.read == (("the standard input", "numbers", 3, 3),)


@pytest.mark.parametrize(
    "text",
    [
        "seed,acc\n1,0.5\n2,0.25\n",
        '{"seed": 1, "acc": 0.5}\n{"seed": 2, "acc": 0.25}\n',
        '\n\n  {"seed": 1, "acc": 0.5}\r\n\r\n{"seed": 2, "acc": 0.25}',
        '[{"seed": 1, "acc": 0.5}, {"seed": 2, "acc": 0.25}]',
        '\ufeff\n[\n  {"seed": 1, "acc": 0.5},\n  {"seed": 2, "acc": 0.25}\n]\n',
    ],
)
def test_tables(given, text):
    given(text)
    runs = read_side(["-"], Choice())
    assert runs.values.tolist() == [0.5, 0.25] and runs.seeds == ("1", "2") and runs.metric == "acc"


@pytest.mark.parametrize("text", ['{"acc": 0.5}', '{\n  "acc": 0.5,\n  "config": {\n    "lr": 0.1\n  }\n}\n', "[0.5]"])
def test_one_result(given, text):
    given(text)
    assert read_side(["-"], Choice()).values.tolist() == [0.5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the standard input is empty"),
        ('{"acc": 0.5}\n{"acc": 0.2', "line 2 of the standard input is damaged or no JSON"),
        ('[{"acc": 0.5}', "the standard input is damaged or no JSON"),
        ("{}", "the standard input has no values"),
    ],
)
def test_what_is_no_table_is_refused(given, text, message):
    given(text)
    with pytest.raises(CannotJudge) as caught:
        read_side(["-"], Choice())
    assert str(caught.value).startswith(message) and str(caught.value).isprintable()


def test_too_much_is_refused(given, monkeypatch):
    monkeypatch.setattr("noisegrid.reading.standard_input.TEXT_BYTES", 5)
    given("0.5\n0.25\n")
    with pytest.raises(CannotJudge, match=r"the standard input has 6 bytes or more \(limit: 5\)"):
        read_side(["-"], Choice())


def test_a_table_with_both_sides_is_read_for_each_of_them(given):
    given("method,acc\nsgd,0.5\nsam,0.25\nsam,0.75\n")
    sides = [read_side(["-"], Choice(where=(("method", method),))) for method in ("sgd", "sam")]
    assert [runs.values.tolist() for runs in sides] == [[0.5], [0.25, 0.75]]
    given("acc\n0.125\n")  # another stream
    assert read_side(["-"], Choice()).values.tolist() == [0.125]
