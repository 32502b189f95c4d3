"""Checks of a dataset while it is prepared.

What makes training or its measures impossible is an error. What only looks like a slip is a note.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np

from noisegrid.common.errors import NoisegridError
from noisegrid.readers import Images, Raw

#: The number of images that are checked together. A copy of a whole part might not fit into memory.
BLOCK = 1024
#: The largest number of classes that a note lists.
LISTED = 10


def check_raw(name: str, entry: dict[str, Any], data: Raw) -> list[str]:
    """Check all that can be checked before the images are read: shapes, types, labels and sub-groups.

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

    for part in ("train_images", "test_images"):
        _check_form(getattr(data, part), partial(fail, part))
    if _form(data.train_images) != _form(data.test_images):
        forms = map(_form, (data.train_images, data.test_images))
        shapes = " and ".join(f"{list(shape)} {kind}" for shape, kind in forms)
        raise fail("test_images", f"training and test images differ ({shapes}); give both the same shape and type")
    (channels, size, _), _ = _form(data.train_images)
    if entry.get("channels", channels) != channels or entry.get("size", size) > size:
        raise fail(
            "train_images",
            f"the images have {channels} channels and {size} pixels, but the dataset's entry states channels: "
            f"{entry.get('channels', channels)} and size: {entry.get('size', size)}; correct the entry",
        )
    notes = list[str]()
    for part in ("train", "test"):
        labels, images = getattr(data, f"{part}_labels"), getattr(data, f"{part}_images")
        key = f"{part}_labels"
        _check_labels(labels, entry["classes"], partial(fail, key))
        if len(labels) != (count := images.count if isinstance(images, Images) else len(images)):
            raise fail(key, f"there are {len(labels)} labels for {count} images; give one label per image")
        notes += _unused(labels, entry["classes"], key)
    if data.train_labels.ndim != data.test_labels.ndim:
        raise fail("test_labels", "the training and the test labels must both be classes, or both be attributes")
    _check_groups(data, entry, fail)
    notes += [f"groups: no test image belongs to {group!r}" for group, mask in data.groups.items() if not np.any(mask)]
    if data.groups and not entry.get("groups"):
        notes.append("groups: no figure shows them, because the dataset's entry lacks `groups: true`")
    return notes


class ImageChecks:
    """The checks of the values of images, while the images are written.

    Parameters
    ----------
    name : str
        The name of the dataset, for messages.
    full_scale : float
        The largest value that a pixel can have.

    Attributes
    ----------
    duplicates : int
        The number of test images so far that are equal to a training image in every pixel.
    largest : float
        The largest value so far.
    """

    def __init__(self, name: str, full_scale: float) -> None:
        self.name, self.full_scale = name, full_scale
        self.duplicates, self.largest = 0, 0.0
        self._train = set[bytes]()

    def checked(self, part: str, images: np.ndarray | Images) -> Iterator[np.ndarray]:
        """Check images, and yield them in blocks (images, channels, size, size). The training images come first.

        Raises
        ------
        NoisegridError
            If a value is not finite or is outside 0 to full scale, or if images that are read one by one differ from
            their stated number, shape or type.
        """
        seen = 0
        for block in _blocks(images) if isinstance(images, np.ndarray) else self._rows(part, images):
            where = f"images {seen} to {seen + len(block) - 1}"
            low, high = float(block.min()), float(block.max())
            if not np.isfinite([low, high]).all():
                raise self._wrong(part, f"{where} have values that are not finite; repair or remove these images")
            if low < 0 or high > self.full_scale:
                raise self._wrong(
                    part,
                    f"{where} have values from {low:g} to {high:g}, but full_scale is {self.full_scale:g}; rescale the "
                    "images to values from 0 to full_scale, or correct full_scale in the study",
                )
            self.largest = max(self.largest, high)
            hashes = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in block]
            if part == "train_images":
                self._train.update(hashes)
            else:
                self.duplicates += sum(digest in self._train for digest in hashes)
            seen += len(block)
            yield block

    def notes(self) -> list[str]:
        """Return one sentence for each slip in the images that were checked."""
        found = []
        if self.duplicates:
            found.append(f"test_images: {self.duplicates:,} test images are also training images, pixel by pixel")
        if self.largest < self.full_scale / 2:
            found.append(f"images: the largest value is {self.largest:g}, but full_scale is {self.full_scale:g}")
        return found

    def _rows(self, part: str, images: Images) -> Iterator[np.ndarray]:
        count = 0
        for image in images.rows:
            if image.shape != images.shape or image.dtype != np.uint8:
                raise self._wrong(
                    part,
                    f"image {count} is {list(image.shape)} {image.dtype}, but {list(images.shape)} uint8 was stated; "
                    "correct the reader",
                )
            count += 1
            if count <= images.count:
                yield image[None]
        if count != images.count:
            raise self._wrong(part, f"the reader gave {count} images, but stated {images.count}; correct the reader")

    def _wrong(self, part: str, why: str) -> NoisegridError:
        return NoisegridError(f"dataset {self.name}: {part}: {why}")


def _blocks(images: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(images), BLOCK):
        yield images[start : start + BLOCK]


def _form(images: np.ndarray | Images) -> tuple[tuple[int, ...], str]:
    """Return the shape of one image, and the type of its values."""
    if isinstance(images, Images):
        return tuple(images.shape), "uint8"
    return images.shape[1:], str(images.dtype)


def _check_form(images: Any, fail: Callable[[str], NoisegridError]) -> None:
    if not isinstance(images, np.ndarray | Images):
        raise fail(f"this is of type {type(images).__name__}; return a NumPy array")
    shape, kind = _form(images)
    if len(shape) != 3 or shape[1] != shape[2]:
        whole = ["N", *shape] if isinstance(images, Images) else list(images.shape)
        raise fail(
            f"the shape is {whole}, but must be (examples, channels, size, size); add a channel axis, move it to the "
            "second place, or crop the images to squares (tables and text cannot be used)"
        )
    if kind not in ("uint8", "float32"):
        raise fail(f"the type is {kind}; return uint8, or float32 with values from 0 to full_scale")
    if (images.count if isinstance(images, Images) else len(images)) == 0 or 0 in shape:
        raise fail("there are no images; the training set and the test set need at least one each")


def _check_labels(labels: Any, classes: int, fail: Callable[[str], NoisegridError]) -> None:
    if not isinstance(labels, np.ndarray):
        raise fail(f"this is of type {type(labels).__name__}; return a NumPy array")
    if labels.ndim not in (1, 2):
        raise fail(f"the shape is {list(labels.shape)}, but must be (examples,) or (examples, attributes)")
    if not (np.issubdtype(labels.dtype, np.integer) or labels.dtype == np.bool_):
        raise fail(f"the type is {labels.dtype}; return integers (for regression, divide the range into classes)")
    if not labels.size:
        raise fail("there are no labels; give one per image")
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


def _check_groups(data: Raw, entry: dict[str, Any], fail: Callable[[str, str], NoisegridError]) -> None:
    if not data.groups:
        if entry.get("groups"):
            raise fail(
                "groups", "the entry states `groups: true`, but the reader returned none; correct one of the two"
            )
        return
    count, attributes = len(data.test_labels), data.test_labels.ndim == 2
    for group, mask in data.groups.items():
        if np.shape(mask) != (count,) or not np.isin(mask, (0, 1)).all():
            raise fail("groups", f"{group!r} must have one True or False for each of the {count} test images")
    if not attributes:
        raise fail("groups", "sub-groups are judged by an attribute, but the labels are classes; return attributes")
    target = data.target
    if isinstance(target, bool) or not isinstance(target, int | np.integer) or not 0 <= target < entry["classes"]:
        raise fail("target", f"{target!r} is not the index of an attribute, from 0 to {entry['classes'] - 1}")
