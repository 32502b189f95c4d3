"""A noise floor as JSON: complete, right, and described by its schema."""

import json

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from noisegrid.cli.main import main
from noisegrid.common.schemas import schema
from noisegrid.gating.floor import Floor, floor_of
from noisegrid.presenting import as_json
from noisegrid.reading.runs import CannotJudge, Examples, Read, Runs

VALID = Draft202012Validator(schema("floor"))
HOSTILE = "<script> \x1b[2J\u202e\n"


def runs(values: list[float], name: str = "run", examples: Examples | None = None) -> Runs:
    """Return runs with these results."""
    names = tuple(f"{name} {number}" for number in range(len(values)))
    read = (Read("runs.csv", "column 'accuracy'", len(values), len(values)),)
    return Runs(np.array(values), "accuracy", names, names, examples, read=read)


def with_examples() -> Runs:
    """Return five runs whose predictions are right for 80 % of 20 examples of each of three classes."""
    rng, labels = np.random.default_rng(0), np.repeat(np.arange(3), 20)
    right = rng.random((5, 60)) < 0.8
    predicted = np.where(right, labels, (labels + 1) % 3)
    examples = Examples(right, predicted=predicted, labels=labels, classes=("a", "b", "c"))
    return runs(list(100 * right.mean(axis=1)), examples=examples)


FLOORS: dict[str, Floor] = {
    "independent": floor_of(runs([93.11, 92.83, 93.05, 93.32, 92.94, 93.21])),
    "suspicious": floor_of(runs([93.1234567, 93.1234567, 93.0, 93.3, 92.9])),
    "undecided": floor_of(runs([93.11, 92.83, 93.05])),
    "equal": floor_of(runs([5.0] * 3)),
    "outlier": floor_of(runs([93.11, 92.83, 93.05, 93.32, 92.94, 10.0])),
    "examples": floor_of(with_examples()),
    "hostile": floor_of(runs([93.11, 92.83, 93.05, 93.32, 92.94], HOSTILE)),
}
CASES = pytest.mark.parametrize("found", FLOORS.values(), ids=FLOORS.keys())


@CASES
def test_a_floor_is_a_valid_document(found):
    text = as_json.text(as_json.floor_document(found))
    document = json.loads(text)
    assert VALID.is_valid(document), [error.context for error in VALID.iter_errors(document)]
    assert document == as_json.floor_document(found) and text.isascii()
    assert document["sentence"] == str(found) and document["exit_code"] == found.exit_code


def test_verdicts_and_exit_codes():
    documents = {name: as_json.floor_document(found) for name, found in FLOORS.items()}
    assert all(documents[name]["verdict"] == name for name in ("independent", "suspicious", "undecided"))
    assert [documents[name]["exit_code"] for name in ("independent", "suspicious", "undecided")] == [0, 4, 0]
    document = as_json.unjudged(why := CannotJudge("two runs"), 1)
    assert VALID.is_valid(document) and (document["exit_code"], document["reason"]) == (6, str(why))


def test_a_document_has_the_numbers_of_the_floor():
    document = as_json.floor_document(FLOORS["independent"])
    assert document["values"] == [93.11, 92.83, 93.05, 93.32, 92.94, 93.21]
    assert document["mean"]["value"] == pytest.approx(93.0766667) and document["unit"] == ""
    assert document["std"]["value"] == pytest.approx(0.17795, abs=1e-5)  # by hand, with n - 1
    assert [needed["gain"] for needed in document["needed"]] == [0.1, 0.3, 1.0] and document["outlier"] is None
    assert document["read"] == [{"file": "runs.csv", "what": "column 'accuracy'", "rows": 6, "runs": 6}]
    assert as_json.floor_document(FLOORS["outlier"])["outlier"] == 5
    assert as_json.floor_document(FLOORS["examples"])["examples"]["count"] == 60
    assert as_json.floor_document(FLOORS["equal"])["std"]["value"] == 0


@pytest.mark.parametrize("change", [{"extra": 1}, {"verdict": "good"}, {"std": None}, {"exit_code": 3}, {"format": 2}])
def test_the_schema_refuses_another_document(change):
    assert not VALID.is_valid(as_json.floor_document(FLOORS["independent"]) | change)


def test_the_schema_requires_and_describes_every_key():
    whole = as_json.floor_document(FLOORS["examples"])
    for key in whole:
        assert not VALID.is_valid({name: value for name, value in whole.items() if name != key}), key
    kinds = schema("floor")["$defs"]
    keys = [
        (kind, key, entry)
        for kind, entries in kinds.items()
        for key, entry in entries.get("properties", {}).items()
    ]  # fmt: skip
    assert len(keys) > 50 and [(kind, key) for kind, key, entry in keys if "description" not in entry] == []


@pytest.mark.parametrize(("count", "code"), [(5, 0), (2, 6)])
def test_the_command_prints_the_document_and_nothing_else(tmp_path, capsys, count, code):
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(["accuracy", "0.931", "0.928", "0.9305", "0.9332", "0.9294"][: count + 1]) + "\n")
    assert main(["floor", str(path), "--json"]) == code
    document = json.loads(capsys.readouterr().out)
    assert VALID.is_valid(document) and document["exit_code"] == code
