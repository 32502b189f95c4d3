"""JSON files: lines, arrays and single objects."""

import json

import pytest

from noisegrid.reading import formats
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.sides import read_side
from noisegrid.reading.table import UNNAMED, Choice

ROWS = [{"seed": 1, "metrics": {"accuracy": 0.5}}, {"seed": 2, "metrics": {"accuracy": 0.25}}]
LINES = "\n".join(map(json.dumps, ROWS))


def read(tmp_path, text, name="base.json"):
    path = tmp_path / name
    path.write_text(text)
    (table,) = formats.read(path, Choice())
    return {title: cells.tolist() for title, cells in table.columns.items()}


@pytest.mark.parametrize(
    ("text", "name"), [(LINES, "base.jsonl"), (LINES, "base.ndjson"), (json.dumps(ROWS), "base.json")]
)
def test_objects_are_rows(tmp_path, text, name):
    assert read(tmp_path, text, name) == {"seed": [1, 2], "metrics.accuracy": [0.5, 0.25]}


def test_an_object_is_one_row(tmp_path):
    assert read(tmp_path, '{"eval_accuracy": 0.5, "epoch": 3.0}') == {"eval_accuracy": [0.5], "epoch": [3.0]}


def test_an_array_of_numbers(tmp_path):
    assert read(tmp_path, "[0.5, 0.25]") == {UNNAMED: [0.5, 0.25]}


def test_a_value_that_one_row_lacks_is_missing_and_a_list_is_left_out(tmp_path):
    found = read(tmp_path, '[{"loss": 1, "answers": [1, 2]}, {"loss": null}, {"accuracy": 0.5}]')
    assert found == {"loss": [1, None, None], "accuracy": [None, None, 0.5]}


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (LINES[:-5], "base.jsonl", "line 2 of .*base.jsonl is damaged or no JSON .*was the run that wrote it stopped"),
        ("[{]", "base.json", "base.json is damaged or no JSON"),
        ("[" * 100_000, "base.json", "base.json is damaged or no JSON"),
        ("1" * 10_000, "base.json", "base.json is damaged or no JSON"),
        ("[]", "base.json", "base.json has no rows"),
        ("3", "base.json", "base.json has no rows"),
        ("[{}]", "base.json", "base.json has no values"),
        ('[{"a": 1}, 2]', "base.json", "row 2 of .*base.json is no object"),
        ('[{"loss": 1}, {"loss": NaN}]', "base.json", "the loss of row 2 of .*base.json is nan"),
        ('[{"loss": 1}, {"loss": 1e999}]', "base.json", "the loss of row 2 of .*base.json is inf"),
        ('[{"loss": 1}, {"accuracy": 2, "loss": null}]', "base.json", "the loss of row 2 of .*base.json is empty"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, text, name, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(CannotJudge, match=message) as caught:
        read_side([str(tmp_path / name)], Choice("loss"))
    assert "\n" not in str(caught.value)


def test_many_names_in_few_rows_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("noisegrid.reading.json_tables.CELLS", 50)
    (tmp_path / "base.json").write_text(json.dumps([{str(number): 1} for number in range(10)]))
    with pytest.raises(CannotJudge, match=r"has 100 cells \(limit: 50\)"):
        read_side([str(tmp_path / "base.json")], Choice())
