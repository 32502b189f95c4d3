"""`noisegrid check` reports mistakes of all kinds together, and none that merely follows from another one."""

import pytest
import yaml
from factories import cells, study, write_study

from noisegrid.study.check import mistakes

#: Mistakes in keys, names, values, cells, comparisons and timed networks.
MANY = """
name: many
cells:
  - {hardware: [cpu], tasks: [smallcnn-digits, smallcnn_bn-digits], noise: [algo_impl, control], replicates: 4}
  - {hardware: [cpu], tasks: [smallcnn-digits], noise: [control], replicates: 4, pairs: 2}
  - {hardware: [cpu], tasks: [mine, child, pyramid-digits], replicates: 4}
  - {hardware: [cpu], tasks: [uses, pyramid-digits], noise: [algoo, dropout], replicates: x}
tasks:
  mine: {like: smallcnn-digits, epoch: 3}
  child: {like: mine}
  uses: {like: smallcnn-digits, dataset: own}
datasets:
  own: {read: "no.such:reader", classes: 3, full_scale: 1}
share_gpu: true
versus:
  - {a: smallcnn-digits, b: smallcnn_bn-digits, noise: algo}
  - {a: smallcnn-digits, b: smallcnn-digits}
  - {a: smallcnn-digits, b: mine}
  - {a: smallcnn-digits}
inference:
  - {task: smallcnn_bn-digits, replicate: 9}
overhead:
  - {hardware: [cpu], networks: [resnet50]}
  - {hardware: [cpu], networks: [resnet50]}
"""
FOUND = [
    "was written for an earlier version: write 'seed_sets' instead of 'pairs'",
    "share_gpu: true: share_gpu is the number of replicates",
    "the key 'seed' is missing",
    "cells[2]: the key 'noise' is missing",
    "cells[3].replicates: 'x' is not a whole number",
    "versus[3]: the key 'b' is missing",
    "datasets.own.read: there is no module 'no.such'",
    "tasks.mine: unknown key 'epoch'",
    "cells[1]: the cell cpu/smallcnn-digits/control is named twice",
    "cells[3]: unknown noise 'algoo'",
    "cells[3]: task pyramid-digits has no dropout, so noise 'dropout' would measure nothing",
    "overhead[1]: cpu/resnet50 is named twice",
    "versus[0]: smallcnn-digits and smallcnn_bn-digits do not both have a cell with the noise algo on cpu",
    "versus[1]: a and b are both smallcnn-digits",
    "inference[0]: replicate 9 of cpu/smallcnn_bn-digits/control does not exist; write 0 to 3",
]


def test_all_kinds_of_mistakes_are_reported_together(tmp_path):
    path = tmp_path / "many.yaml"
    path.write_text(MANY)
    sentences = [sentence.removeprefix(str(path)).lstrip(": ") for sentence in mistakes(str(path))]
    assert [sentence.startswith(found) for sentence, found in zip(sentences, FOUND, strict=True)] == [True] * len(FOUND)


@pytest.mark.parametrize(
    ("keys", "only"),
    [
        # what starts from a task with a mistake inherits the mistake
        ({"tasks": {"a": {"like": "b"}, "b": {"like": "smallcnn-digits", "epoch": 3}}}, "tasks.b: unknown key 'epoch'"),
        # a cell of a task with a mistake is no cell, and neither is the comparison with it
        (
            {"tasks": {"a": {"like": "smallcnn-digits", "epoch": 3}}, "versus": [{"a": "a", "b": "smallcnn-digits"}]},
            "tasks.a: unknown key 'epoch'",
        ),
        # the dataset is there, but has a mistake
        (
            {
                "tasks": {"a": {"like": "smallcnn-digits", "dataset": "d"}},
                "datasets": {"d": {"read": "no.such:reader", "classes": 3, "full_scale": 1}},
            },
            "datasets.d.read: there is no module 'no.such'",
        ),
        # the task of the catalog with the same name is another task
        ({"tasks": {"smallcnn-digits": {"like": "vit_tiny-digits"}, "a": {"like": "vit_tiny-digits"}}},
         "tasks.smallcnn-digits is already in the catalog"),
        ({"tasks": {"a": {"like": "smallcnn-digits"}}, "seed": "x"}, "seed: 'x' is not a whole number"),
    ],
)  # fmt: skip
def test_what_follows_from_a_mistake_is_not_reported(tmp_path, keys, only):
    document = study(cells("a", "algo_impl"), cells("smallcnn-digits", "dropout" if "seed" not in keys else "algo"))
    document["cells"][1]["noise"] = ["algo_impl"]
    path = write_study(tmp_path, document | keys)
    (sentence,) = mistakes(str(path))
    assert only in sentence


def test_a_circle_of_tasks_is_reported(tmp_path):
    path = write_study(tmp_path, study(cells("a"), tasks={"a": {"like": "b"}, "b": {"like": "a"}, "c": {"like": "a"}}))
    found = mistakes(str(path))
    assert found and all("`like` is circular" in sentence for sentence in found)


def test_a_document_of_any_form_raises_nothing(tmp_path):
    """Whatever stands at a key, the schema's error says what should."""
    whole = yaml.safe_load(MANY)
    for key in whole:
        for wrong in (None, 3, "text", [], [3], [[]], {}, {"x": 3}, {"x": {"like": []}}, [{"a": []}]):
            path = tmp_path / "wrong.yaml"
            path.write_text(yaml.safe_dump(whole | {key: wrong}))
            assert mistakes(str(path)), (key, wrong)


BLOCK = cells()


@pytest.mark.parametrize(
    ("more", "found"),
    [
        # a mistake in the form of a block alone, and none about the letters of a text
        ({"overhead": [{"hardware": "cpu", "networks": ["resnet50"]}]}, ["overhead[0].hardware: 'cpu' is not a list"]),
        ({"overhead": [{"hardware": ["cpu"], "networks": "vgg16"}]}, ["overhead[0].networks: 'vgg16' is not a list"]),
        # each name of a block
        (
            {"overhead": [{"hardware": ["cpu"], "networks": ["resnet5O", "vgg61"], "arms": ["x"]}]},
            ["overhead[0]: unknown network 'resnet5O'", "overhead[0]: unknown network 'vgg61'"],
        ),
        # each unknown key, of a study, a cell and a task
        ({"sed": 1, "nam": "x"}, ["unknown key 'nam'", "unknown key 'sed'"]),
        (
            {"cells": [BLOCK | {"task": 1, "noises": 2}]},
            ["cells[0]: unknown key 'noises'", "cells[0]: unknown key 'task'"],
        ),
        (
            {"tasks": {"mine": {"like": "smallcnn-digits", "epoch": 3, "batchsize": 5}}},
            ["tasks.mine: unknown key 'batchsize'", "tasks.mine: unknown key 'epoch'"],
        ),
        # the number of seed sets is judged by a number of replicates that is one
        ({"cells": [BLOCK | {"replicates": "20", "seed_sets": 5}]}, ["cells[0].replicates: '20' is not a whole"]),
    ],
)  # fmt: skip
def test_each_mistake_is_named_and_none_that_follows_from_it(tmp_path, more, found):
    path = write_study(tmp_path, study() | more)
    sentences = sorted(sentence.removeprefix(str(path)).lstrip(": ") for sentence in mistakes(str(path)))
    assert len(sentences) == len(found), sentences
    assert all(map(str.startswith, sentences, found)), sentences
