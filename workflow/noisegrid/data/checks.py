"""Checks of a dataset while it is prepared: its inputs, its labels and its sub-groups.

What makes training or its measures impossible is an error. What only looks like a slip is a note. The values of the
inputs are checked while they are written (data/values.py).
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np

from noisegrid.common.errors import NoisegridError
from noisegrid.data.form import (
    ARRAYS,
    ATTRIBUTES,
    CLASSES,
    IMAGES,
    NEXT_TOKENS,
    TABLE,
    TOKENS,
    VALUES,
    Form,
    height_and_width,
)
from noisegrid.readers import Images, Raw

#: The largest number of classes that a note lists.
LISTED = 10
#: The types of stored inputs, and what a reader must return.
TYPES = {
    IMAGES: (("uint8", "float32"), "return uint8, or float32 with values from 0 to full_scale"),
    ARRAYS: (("float32",), "return float32"),
    TABLE: (("float32",), "return float32, with the codes of categories as numbers"),
    TOKENS: (("uint8", "int32"), "return uint8 or int32"),
}
#: The shapes of inputs, by the number of axes, and what a reader must return.
SHAPES = {
    IMAGES: ((4,), "(examples, channels, height, width); add a channel axis, or move it to the second place"),
    ARRAYS: ((2, 3, 4, 5), "(examples, ...) with one to four further axes"),
    TABLE: ((2,), "(examples, columns)"),
    TOKENS: ((1,), "one stream, (tokens,)"),
}


def check_raw(name: str, entry: dict[str, Any], data: Raw) -> list[str]:
    """Check all that can be checked before the values of the inputs: shapes, types, labels and sub-groups.

    Parameters
    ----------
    name : str
        The name of the dataset, for messages.
    entry : dict
        The entry of the dataset in the catalog or in the study.
    data : Raw
        What the reader returned.

    Returns
    -------
    list of str
        One sentence for each class that never occurs in a part, or attribute that never varies in it.

    Raises
    ------
    NoisegridError
        If something makes the dataset unusable. The message names the array and the remedy.
    """

    def fail(part: str, why: str) -> NoisegridError:
        return NoisegridError(f"dataset {name}: {part}: {why}")

    kind = entry.get("kind", IMAGES)
    for part in ("train_inputs", "test_inputs"):
        _check_inputs(kind, getattr(data, part), partial(fail, part))
    _check_same_form(kind, entry, data, fail)
    notes = _check_tokens(entry, data, fail) if kind == TOKENS else _check_all_labels(entry, data, fail)
    _check_groups(data, entry, fail)
    notes += _group_notes(data, _noun(kind))
    if data.groups and not entry.get("groups"):
        notes.append("groups: no figure shows them, because the dataset's entry lacks `groups: true`")
    return notes


def form_of(entry: dict[str, Any], data: Raw) -> Form:
    """Return the form of a dataset that was read and checked."""
    kind = entry.get("kind", IMAGES)
    if kind == TOKENS:
        return Form(kind, NEXT_TOKENS, len(data.vocabulary))
    labels = data.train_labels
    assert labels is not None
    stated = labels_kind(labels)
    outputs = labels.shape[1] if labels.ndim == 2 else 1 if stated == VALUES else entry["classes"]
    columns = tuple(len(categories) for categories in data.columns.values())
    return Form(kind, stated, outputs, _form(data.train_inputs)[0], columns, entry.get("full_scale", 1.0))


def labels_kind(labels: np.ndarray) -> str:
    """Return what labels are, from their type and their number of axes."""
    if np.issubdtype(labels.dtype, np.floating):
        return VALUES
    return ATTRIBUTES if labels.ndim == 2 else CLASSES


def _noun(kind: str) -> str:
    return {IMAGES: "image", ARRAYS: "array", TABLE: "row", TOKENS: "token"}[kind]


def _count(inputs: np.ndarray | Images) -> int:
    return inputs.count if isinstance(inputs, Images) else len(inputs)


def _form(images: np.ndarray | Images) -> tuple[tuple[int, ...], str]:
    """Return the shape of one image, and the type of its values."""
    if isinstance(images, Images):
        return tuple(images.shape), "uint8"
    return images.shape[1:], str(images.dtype)


def _check_inputs(kind: str, inputs: Any, fail: Callable[[str], NoisegridError]) -> None:
    if not isinstance(inputs, np.ndarray) and not (isinstance(inputs, Images) and kind == IMAGES):
        raise fail(f"this is of type {type(inputs).__name__}; return a NumPy array")
    shape, dtype = _form(inputs)
    axes, remedy = SHAPES[kind]
    if 1 + len(shape) not in axes:
        whole = ["N", *shape] if isinstance(inputs, Images) else list(inputs.shape)
        raise fail(
            f"the shape is {whole}, but must be {remedy}; for other examples than {kind}, state `kind` in the entry"
        )
    types, remedy = TYPES[kind]
    if dtype not in types:
        raise fail(f"the type is {dtype}; {remedy}")
    if _count(inputs) == 0 or 0 in shape:
        raise fail(f"there are no {_noun(kind)}s; the training set and the test set need at least one each")


def _check_same_form(kind: str, entry: dict[str, Any], data: Raw, fail: Callable[[str, str], NoisegridError]) -> None:
    """Check that both parts have one form, and that it is what the entry states."""
    train, test = _form(data.train_inputs), _form(data.test_inputs)
    if train != test:
        shapes = " and ".join(f"{list(shape)} {dtype}" for shape, dtype in (train, test))
        raise fail(
            "test_inputs", f"training and test {_noun(kind)}s differ ({shapes}); give both the same shape and type"
        )
    shape = train[0]
    if kind == IMAGES:
        stated = height_and_width(entry["size"]) if "size" in entry else shape[1:]
        if entry.get("channels", shape[0]) != shape[0] or stated[0] > shape[1] or stated[1] > shape[2]:
            raise fail(
                "train_inputs",
                f"the images have {shape[0]} channels and {shape[1]} x {shape[2]} pixels, but the dataset's entry "
                f"states channels: {entry.get('channels', shape[0])} and size: {entry.get('size', shape[1])}; correct "
                "the entry",
            )
    elif tuple(entry.get("shape", shape)) != shape:
        raise fail(
            "train_inputs", f"the shape is {list(shape)}, but the entry states {entry['shape']}; correct the entry"
        )
    if kind == TABLE:
        if len(data.columns) != shape[0]:
            raise fail("columns", f"there are {len(data.columns)} names for {shape[0]} columns; name each column once")
        columns = [len(categories) for categories in data.columns.values()]
        if entry.get("columns", columns) != columns:
            raise fail(
                "columns", f"the numbers of categories are {columns}, but the entry states others; correct the entry"
            )


def _check_tokens(entry: dict[str, Any], data: Raw, fail: Callable[[str, str], NoisegridError]) -> list[str]:
    if data.train_labels is not None or data.test_labels is not None:
        raise fail("train_labels", "a stream of tokens has no labels; return None")
    if len(data.vocabulary) < 2:
        raise fail("vocabulary", "it needs at least two tokens; return the tokens in the order of their codes")
    if entry.get("classes", len(data.vocabulary)) != len(data.vocabulary):
        raise fail(
            "vocabulary",
            f"it has {len(data.vocabulary)} tokens, but the entry states classes: {entry['classes']}; correct one",
        )
    return []


def _check_all_labels(entry: dict[str, Any], data: Raw, fail: Callable[[str, str], NoisegridError]) -> list[str]:
    notes, kinds = list[str](), list[str]()
    for part in ("train", "test"):
        labels, inputs = getattr(data, f"{part}_labels"), getattr(data, f"{part}_inputs")
        key, noun = f"{part}_labels", _noun(entry.get("kind", IMAGES))
        _check_labels(labels, entry, partial(fail, key))
        if len(labels) != (count := _count(inputs)):
            raise fail(key, f"there are {len(labels)} labels for {count} {noun}s; give one label per {noun}")
        kinds.append(labels_kind(labels))
        if kinds[-1] != VALUES:
            notes += _unused(labels, entry["classes"], key)
    if kinds[0] != kinds[1] or kinds[0] != entry.get("labels", kinds[0]):
        stated = f", and the entry states {entry['labels']}" if "labels" in entry else ""
        raise fail(
            "test_labels", f"the training labels are {kinds[0]} and the test labels {kinds[1]}{stated}; give one kind"
        )
    return notes


def _check_labels(labels: Any, entry: dict[str, Any], fail: Callable[[str], NoisegridError]) -> None:
    if not isinstance(labels, np.ndarray):
        raise fail(f"this is of type {type(labels).__name__}; return a NumPy array")
    if labels.ndim not in (1, 2):
        raise fail(f"the shape is {list(labels.shape)}, but must be (examples,) or (examples, attributes)")
    if not labels.size:
        raise fail("there are no labels; give one per example")
    if entry.get("labels") == VALUES:
        if not np.issubdtype(labels.dtype, np.floating) or not np.isfinite(labels).all():
            raise fail("values must be finite floats; convert them, or remove examples without a value")
        return
    if not (np.issubdtype(labels.dtype, np.integer) or labels.dtype == np.bool_):
        raise fail(
            f"the type is {labels.dtype}; return integers, or state `labels: values` in the entry for regression"
        )
    classes = entry["classes"]
    low, high = int(labels.min()), int(labels.max())
    if labels.ndim == 2 and labels.shape[1] != classes:
        raise fail(f"there are {labels.shape[1]} attributes, but the study states classes: {classes}; correct one")
    if labels.ndim == 2 and (low < 0 or high > 1):
        raise fail(f"the attributes run from {low} to {high}, but each must be 0 or 1")
    if labels.ndim == 1 and (low < 0 or high >= classes):
        raise fail(
            f"the labels run from {low} to {high}, but with classes: {classes} they must be from 0 to {classes - 1}; "
            "correct the labels, or classes in the study"
        )


def _unused(labels: np.ndarray, classes: int, key: str) -> list[str]:
    """Return a sentence about classes without an example, or about attributes that are the same in all examples."""
    if labels.ndim == 2:
        same = np.flatnonzero(labels.min(axis=0) == labels.max(axis=0))
        return [f"{key}: all examples have the same value of attribute {_listed(same)}"] if len(same) else []
    missing = np.flatnonzero(np.bincount(labels, minlength=classes) == 0)
    return [f"{key}: no example belongs to class {_listed(missing)}"] if len(missing) else []


def _listed(numbers: Iterable[int]) -> str:
    words = [str(number) for number in numbers]
    return ", ".join(words[:LISTED]) + (f" and {len(words) - LISTED} more" if len(words) > LISTED else "")


def _group_notes(data: Raw, noun: str) -> Iterator[str]:
    """Yield a sentence for each sub-group without members, positives or negatives; their rates are undefined."""
    if data.test_labels is None:
        return
    for group, mask in data.groups.items():
        labels = data.test_labels[np.asarray(mask, bool), data.target]
        if not len(labels):
            yield f"groups: no test {noun} belongs to {group!r}"
        elif not labels.any():
            yield f"groups: {group!r} has no positives, so its false-negative rate is undefined"
        elif labels.all():
            yield f"groups: {group!r} has no negatives, so its false-positive rate is undefined"


def _check_groups(data: Raw, entry: dict[str, Any], fail: Callable[[str, str], NoisegridError]) -> None:
    if not data.groups:
        if entry.get("groups"):
            raise fail(
                "groups", "the entry states `groups: true`, but the reader returned none; correct one of the two"
            )
        return
    if data.test_labels is None or labels_kind(data.test_labels) != ATTRIBUTES:
        raise fail("groups", "sub-groups are judged by an attribute, but the labels are classes; return attributes")
    count = len(data.test_labels)
    for group, mask in data.groups.items():
        if np.shape(mask) != (count,) or not np.isin(mask, (0, 1)).all():
            raise fail("groups", f"{group!r} must have one True or False for each of the {count} test examples")
    target = data.target
    if isinstance(target, bool) or not isinstance(target, int | np.integer) or not 0 <= target < entry["classes"]:
        raise fail("target", f"{target!r} is not the index of an attribute, from 0 to {entry['classes'] - 1}")
