"""A recipe must fit the kind of its data; a training function replaces the loop; the page of the docs resolves."""

import re

import pytest
import yaml
from conftest import ROOT
from factories import cells, study, write_study

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import catalog
from noisegrid.study.recipes import resolve_tasks
from noisegrid.study.resolve import load_study

OPTIMIZER = {"name": "adam", "learning_rate": 0.1}
LOOP = {"network": "own:net", "epochs": 1, "batch_size": 2, "optimizer": OPTIMIZER}
DATASETS = {
    "pixels": {"read": "own:read", "classes": 2, "full_scale": 1},
    "rows": {"read": "own:read", "kind": "table", "classes": 2},
    "numbers": {"read": "own:read", "kind": "table", "labels": "values"},
    "words": {"read": "own:read", "kind": "tokens", "examples": 21},
}


def loaded(tmp_path, monkeypatch, task: dict, datasets: dict = DATASETS, **keys: object):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text("def net(): ...\ndef read(): ...\ndef train(): ...\n")
    document = study(cells("mine", "control"), tasks={"mine": task}, datasets=datasets, **keys)
    return load_study(str(write_study(tmp_path, document)))


@pytest.mark.parametrize(
    "task",
    [
        LOOP | {"dataset": "pixels", "augment": {"pad": 1, "flip": True}},
        LOOP | {"dataset": "rows"},
        LOOP | {"dataset": "numbers", "tolerance": 0.5},
        LOOP | {"dataset": "words", "context": 10},
        {"trainer": "own:train", "dataset": "rows", "trainer_options": {"rate": 1}, "epochs": 3},
    ],
)
def test_recipes_of_every_kind_resolve(tmp_path, monkeypatch, task):
    (cell,) = loaded(tmp_path, monkeypatch, task).cells
    assert (
        cell.settings["task"]["build"] == task.get("trainer", "own:net") and len(cell.settings["task"]["source"]) == 16
    )
    if "trainer" in task:
        assert (cell.settings["task"]["epochs"], cell.settings["task"]["batch_size"]) == (3, 1)
        assert cell.settings["task"]["options"] == {"rate": 1}


@pytest.mark.parametrize(
    ("task", "sentence"),
    [
        (
            LOOP | {"dataset": "rows", "augment": {"pad": 1, "flip": False}},
            "augment is for images, but rows is of the kind table",
        ),
        (LOOP | {"dataset": "words"}, "words is a stream of tokens; set `context`, the tokens of a window"),
        (LOOP | {"dataset": "rows", "context": 3}, "context is for tokens, but rows is of the kind table; remove it"),
        (LOOP | {"dataset": "rows", "tolerance": 3}, "tolerance is for values, but rows has classes; remove it"),
        # 21 tokens are two windows of ten and the tokens after them
        (
            LOOP | {"dataset": "words", "context": 10, "batch_size": 3},
            "but words has only 2 training examples; write at",
        ),
        ({"network": "own:net", "dataset": "rows"}, "the key 'epochs' is missing; add it, or name your own `trainer`"),
        (LOOP | {"dataset": "rows", "trainer_options": {}}, "trainer_options needs `trainer`; add it, or remove"),
        ({"trainer": "own:train", "dataset": "rows", "optimizer": OPTIMIZER}, "optimizer has no effect on your own tr"),
        ({"trainer": "own:missing", "dataset": "rows"}, "unknown function 'missing'; known: net, read, train"),
    ],
)
def test_a_recipe_that_does_not_fit_is_one_sentence(tmp_path, monkeypatch, task, sentence):
    with pytest.raises(NoisegridError, match=re.escape(sentence)) as error:
        loaded(tmp_path, monkeypatch, task)
    assert "\n" not in str(error.value) and "mine.yaml: " in str(error.value)


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"read": "own:read", "classes": 2}, "full_scale is missing, which a dataset of the kind images needs; add it"),
        ({"read": "own:read", "kind": "table"}, "classes is missing, which a dataset of the kind table needs; add it"),
        (
            {"read": "own:read", "kind": "arrays", "classes": 1},
            "classes: 1 is less than two classes; for a yes or no, label",
        ),
    ],
)
def test_an_entry_that_lacks_a_key_is_one_sentence(tmp_path, monkeypatch, entry, sentence):
    with pytest.raises(NoisegridError, match=re.escape(sentence)):
        loaded(tmp_path, monkeypatch, LOOP | {"dataset": "rows"}, {"rows": entry})


def test_what_needs_an_accuracy_is_refused_for_values(tmp_path, monkeypatch):
    task = LOOP | {"dataset": "numbers"}
    with pytest.raises(
        NoisegridError, match=r"inference\[0\]: `inference` needs classes or attributes, but numbers has"
    ):
        loaded(tmp_path, monkeypatch, task, inference=[{"task": "mine"}])
    crossed = {"hardware": ["cpu"], "tasks": ["mine"], "crossed": {"init": 2, "order": 2}}
    document = study(crossed, tasks={"mine": task}, datasets=DATASETS)
    with pytest.raises(NoisegridError, match="task mine: a crossed cell needs classes or attributes, but numbers has"):
        load_study(str(write_study(tmp_path, document)))


def test_the_recipe_of_the_page_resolves():
    text = (ROOT / "docs/own.md").read_text()
    (block,) = re.findall(r"```yaml\n(tasks:\n  mine-digits:\n.*?)```", text, flags=re.S)
    recipe = resolve_tasks(yaml.safe_load(block)["tasks"], "docs/own.md")["mine-digits"]
    assert recipe["optimizer"]["name"] == "AdamW" and recipe["average"] == {"decay": 0.99}
    row = text.split("| `optimizer` |")[1].split("\n")[0]
    assert all(f" {name}" in row for name in catalog("optimizers"))
