"""What a dataset must be: each thing that makes it unusable is one sentence, and each oddity is a note."""

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import TINY

from noisegrid.common.errors import NoisegridError
from noisegrid.data.form import Form
from noisegrid.data.prepared import open_prepared, prepare
from noisegrid.readers import Images, Raw
from noisegrid.study.resolve import load_study
from noisegrid.training.loader import Batches
from noisegrid.training.replicate import run_of

ENTRY = {"read": "reader_of_this_test:read", "classes": 3, "full_scale": 255}


def images(count, seed=0, size=4):
    return np.random.default_rng(seed).integers(0, 256, (count, 2, size, size), dtype=np.uint8)


GOOD = Raw(images(6), np.array([0, 1, 2, 0, 1, 2]), images(3, seed=1), np.array([0, 1, 2]))
ATTRIBUTES = replace(
    GOOD,
    train_labels=np.eye(3, dtype=int)[[0, 1, 2, 0, 1, 2]],
    test_labels=np.eye(3, dtype=int),
    groups={"a": np.array([True, True, False])},
    target=1,
)


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """A function that prepares a dataset; it returns the notes and the opened dataset."""

    def make(data, **entry):
        monkeypatch.setitem(sys.modules, "reader_of_this_test", SimpleNamespace(read=lambda folder, cache: data))
        notes = prepare("mine", ENTRY | entry, None, tmp_path)
        return notes, open_prepared(tmp_path)

    return make


def rows(number, stated=6, kind=np.uint8):
    return Images(stated, (2, 4, 4), (image.astype(kind) for image in images(number)))


def test_good_datasets_have_no_notes(prepared):
    assert prepared(GOOD)[0] == []
    assert prepared(replace(GOOD, train_inputs=rows(6)))[0] == []
    notes, data = prepared(ATTRIBUTES, groups=True)
    assert notes == [] and data.target == 1 and data.groups.dtype == bool


UNUSABLE = {
    "float64": ({"train_inputs": images(6) / 255}, "train_inputs: the type is float64; return uint8, or float32"),
    "integers": ({"test_inputs": images(3).astype(int)}, "test_inputs: the type is int64; return uint8"),
    "a table": ({"train_inputs": np.zeros((6, 9), np.uint8)}, r"train_inputs: the shape is \[6, 9\], but must be"),
    "no channels": ({"train_inputs": images(6)[:, 0]}, r"train_inputs: the shape is \[6, 4, 4\], but must be"),
    "a list": ({"test_inputs": [[1]]}, "test_inputs: this is of type list; return a NumPy array"),
    "other size": ({"test_inputs": images(3, size=5)}, r"differ \(\[2, 4, 4\] uint8 and \[2, 5, 5\] uint8\)"),
    "no images": ({"test_inputs": images(0), "test_labels": np.zeros(0, int)}, "test_inputs: there are no images"),
    "labels short": ({"train_labels": np.zeros(5, int)}, "train_labels: there are 5 labels for 6 images"),
    "labels high": (
        {"test_labels": np.array([1, 2, 3])},
        "test_labels: the labels run from 1 to 3, but with classes: 3",
    ),
    "labels low": ({"test_labels": np.array([-1, 2, 2])}, "test_labels: the labels run from -1 to 2"),
    "regression": ({"train_labels": np.zeros(6)}, "train_labels: the type is float64; return integers"),
    "labels 3-D": ({"train_labels": np.zeros((6, 3, 1), int)}, "train_labels: the shape is"),
    "mixed labels": (
        {"test_labels": np.eye(3, dtype=int)},
        "training labels are classes and the test labels attributes; give one kind",
    ),
    "rows short": ({"train_inputs": rows(5)}, "train_inputs: the reader gave 5 images, but stated 6"),
    "rows long": ({"train_inputs": rows(7)}, "train_inputs: the reader gave 7 images, but stated 6"),
    "rows of floats": ({"train_inputs": rows(6, kind=float)}, r"train_inputs: image 0 is \[2, 4, 4\] float64, but"),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_what_cannot_be_used_is_one_sentence(prepared, tmp_path, what):
    change, message = UNUSABLE[what]
    with pytest.raises(NoisegridError, match=message) as error:
        prepared(replace(GOOD, **change))
    assert str(error.value).startswith("dataset mine: ") and "\n" not in str(error.value)
    assert not (tmp_path / "manifest.json").exists()


def floats(low, high, odd=None):
    array = np.linspace(low, high, 6 * 2 * 4 * 4, dtype=np.float32).reshape(6, 2, 4, 4)
    if odd is not None:
        array[3, 0, 0, 0] = odd
    return replace(GOOD, train_inputs=array, test_inputs=array[:3] * np.float32(0.5))


@pytest.mark.parametrize(
    ("data", "full_scale", "message"),
    [
        (GOOD, 200, "images 0 to 5 have values from 0 to 249, but full_scale is 200"),
        (replace(GOOD, train_inputs=rows(6)), 16, "train_inputs: images 0 to 0 have values"),
        (floats(-1, 1), 1, "have values from -1 to 1, but full_scale is 1"),
        (floats(0, 1, odd=np.nan), 1, "images 0 to 5 have values that are not finite"),
        (floats(0, 1, odd=np.inf), 1, "images 0 to 5 have values that are not finite"),
    ],
)
def test_values_outside_full_scale_are_refused(prepared, data, full_scale, message):
    with pytest.raises(NoisegridError, match=message):
        prepared(data, full_scale=full_scale)


@pytest.mark.parametrize(
    ("change", "entry", "message"),
    [
        (
            {"train_labels": np.full((6, 3), 2)},
            {},
            "train_labels: the attributes run from 2 to 2, but each must be 0 or 1",
        ),
        ({"train_labels": np.ones((6, 2), int)}, {}, "there are 2 attributes, but the study states classes: 3"),
        (
            {"groups": {"a": np.ones(6, bool)}},
            {},
            "groups: 'a' must have one True or False for each of the 3 test examples",
        ),
        ({"target": 3}, {}, "target: 3 is not the index of an attribute, from 0 to 2"),
        ({"target": None}, {}, "target: None is not the index"),
        ({"groups": {}}, {"groups": True}, "groups: the entry states `groups: true`, but the reader returned none"),
        ({"train_labels": GOOD.train_labels, "test_labels": GOOD.test_labels}, {}, "but the labels are classes"),
        (
            {},
            {"channels": 3},
            "the images have 2 channels and 4 x 4 pixels, but the dataset's entry states",
        ),
    ],
)
def test_attributes_and_groups_must_fit(prepared, change, entry, message):
    with pytest.raises(NoisegridError, match=message):
        prepared(replace(ATTRIBUTES, **change), **entry)


def test_oddities_are_notes_that_the_manifest_keeps(prepared, tmp_path):
    leaked = np.concatenate([GOOD.train_inputs[4:], GOOD.test_inputs[:1]])
    notes, data = prepared(replace(GOOD, test_inputs=leaked, test_labels=np.array([0, 0, 1])), full_scale=1000)
    assert notes == [
        "test_labels: no example belongs to class 2",
        "test_inputs: 2 test images are also training images, pixel by pixel",
        f"images: the largest value is {max(leaked.max(), GOOD.train_inputs.max())}, but full_scale is 1000",
    ]
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest.pop("notes") == notes
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))  # as earlier versions wrote it
    assert open_prepared(tmp_path).digest == data.digest
    one_row_at_a_time = Images(3, (2, 4, 4), iter(leaked))
    assert "2 test images" in prepared(replace(GOOD, test_inputs=one_row_at_a_time))[0][0]
    never = ATTRIBUTES.train_labels * [1, 0, 1]
    notes, _ = prepared(replace(ATTRIBUTES, train_labels=never, groups={"a": np.zeros(3, bool)}))
    assert notes[0] == "train_labels: all examples have the same value of attribute 1"
    assert notes[1] == "groups: no test image belongs to 'a'" and "lacks `groups: true`" in notes[2]


def test_groups_without_positives_or_negatives_are_noted(prepared):
    """The target attribute of the test examples is 0, 1 and 0."""
    masks = {"all": [1, 1, 1], "none positive": [1, 0, 1], "none negative": [0, 1, 0]}
    groups = {name: np.array(mask, bool) for name, mask in masks.items()}
    notes, _ = prepared(replace(ATTRIBUTES, groups=groups), groups=True)
    assert notes == [
        "groups: 'none positive' has no positives, so its false-negative rate is undefined",
        "groups: 'none negative' has no negatives, so its false-positive rate is undefined",
    ]


TABLE = {"kind": "table", "classes": 2}
ROWS = Raw(
    np.array([[0.5, 0], [1.5, 2]], np.float32), np.array([0, 1]),
    np.array([[0.5, 1], [-1, 0]], np.float32), np.array([1, 0]),
    columns={"age": (), "sex": ("a", "b", "c")},
)  # fmt: skip
TEXT = Raw(np.array([0, 1, 2, 0, 1], np.uint8), None, np.array([1, 2, 0], np.uint8), None, vocabulary=("a", "b", "c"))
VALUES = replace(ROWS, train_labels=np.array([0.5, 1.5]), test_labels=np.array([2.0, 3.0]))


def test_tables_tokens_and_values_are_stored_as_their_kind(prepared):
    notes, data = prepared(ROWS, **TABLE)
    assert notes == [] and data.form == Form("table", "classes", 2, [2], [0, 3], 255)
    assert data.form.arguments() == {"classes": 2, "columns": [0, 3]}


def test_a_text_is_cut_into_windows_and_labels_are_the_next_tokens(prepared):
    _, data = prepared(TEXT, kind="tokens")
    assert data.form.arguments(2) == {"classes": 3, "context": 2} and data.count("train", 2) == 2
    inputs, labels = data.part("train", 2)
    assert inputs.tolist() == [[0, 1], [2, 0]] and labels.tolist() == [[1, 2], [0, 1]]
    with pytest.raises(NoisegridError, match=r"its test part has 3 tokens, .* set `context` of the task to at most 2"):
        data.part("test", 3)


def test_values_are_floats_with_one_column_for_each(prepared):
    _, data = prepared(VALUES, kind="table", labels="values")
    assert (data.form.labels, data.form.outputs) == ("values", 1)
    assert data.train_labels.dtype == np.float32 and data.train_labels.tolist() == [[0.5], [1.5]]


@pytest.mark.parametrize(
    ("data", "entry", "message"),
    [
        (replace(ROWS, columns={"age": ()}), TABLE, "columns: there are 1 names for 2 columns; name each column once"),
        (replace(ROWS, columns={"age": (), "sex": ("a", "b")}), TABLE, "codes in column 1 that are not whole numbers"),
        (ROWS, TABLE | {"columns": [0, 4]}, "the numbers of categories are .0, 3., but the entry states others"),
        (replace(ROWS, test_inputs=ROWS.test_inputs * np.nan), TABLE, "rows 0 to 1 have values that are not finite"),
        (replace(ROWS, train_inputs=ROWS.train_inputs.astype(float)), TABLE, "the type is float64; return float32"),
        (ROWS, {"kind": "arrays", "classes": 2, "shape": [3]}, "the shape is .2., but the entry states .3."),
        (VALUES, TABLE, "the type is float64; return integers, or state `labels: values` in the entry for regression"),
        (replace(VALUES, test_labels=np.array([1.0, np.inf])), {"kind": "table", "labels": "values"}, "finite floats"),
        (replace(TEXT, train_labels=np.zeros(5, int)), {"kind": "tokens"}, "a stream of tokens has no labels"),
        (
            replace(TEXT, vocabulary=("a", "b")),
            {"kind": "tokens", "classes": 2},
            "codes from 0 to 2, but the vocabulary",
        ),
        (TEXT, {"kind": "tokens", "classes": 5}, "it has 3 tokens, but the entry states classes: 5"),
        (replace(TEXT, test_inputs=np.zeros((2, 2), np.uint8)), {"kind": "tokens"}, "but must be one stream"),
    ],
)
def test_mistakes_of_every_kind_are_one_sentence(prepared, tmp_path, data, entry, message):
    with pytest.raises(NoisegridError, match=message) as error:
        prepared(data, **entry)
    assert str(error.value).startswith("dataset mine: ") and "\n" not in str(error.value)
    assert not (tmp_path / "manifest.json").exists()


def test_floats_stay_floats_and_give_the_same_batches_as_bytes(prepared):
    """Sixteenths are exact in float32, so both forms of an image must give the same input, to the bit."""
    task = run_of(load_study(str(TINY)).cells[0], 0).task
    small = replace(GOOD, train_inputs=GOOD.train_inputs // 16, test_inputs=GOOD.test_inputs // 16)
    sixteenths = {part: getattr(small, part).astype(np.float32) / 16 for part in ("train_inputs", "test_inputs")}
    batches = []
    for data, full_scale in ((small, 16), (replace(small, **sixteenths), 1)):
        _, opened = prepared(data, full_scale=full_scale)
        made = Batches(*opened.part("train"), opened.form, task, torch.device("cpu"), torch.preserve_format)
        batches.append(next(made.training({"order": 1, "augment": 2}, 0))[0])
    assert opened.train_inputs.dtype == np.float32
    assert torch.equal(*batches) and batches[0].max() > 0.5
