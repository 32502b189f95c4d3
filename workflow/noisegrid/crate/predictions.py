"""Check the predictions in an untrusted crate, both before and after they are loaded into memory."""

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import npy_header
from noisegrid.crate.archive import opened
from noisegrid.crate.limits import ARRAY_BYTES, ARRAYS, CLASSES, COMBINATIONS, GROUPS, LABELS, check_count, check_size
from noisegrid.records.predictions import BY_EPOCH, KNOWN, LOGITS, are_values
from noisegrid.records.record import Replicate


def checked(replicate: Replicate) -> dict[str, Any]:
    """Load the predictions of a replicate, check them with `check_stored` and `check_meaning`, and return them."""
    check_stored(replicate.folder / "predictions.npz")
    arrays = replicate.predictions()
    check_meaning(arrays)
    return arrays


def check_stored(path: Path) -> None:
    """Check that predictions.npz is safe to load.

    Raises
    ------
    NoisegridError
        If the file could expand in memory, because an entry is compressed or its header declares more data than the
        file contains; if it contains arrays of objects, which would be unpickled; if an array has an unknown name; or
        if an array is larger than `limits` allow.
    """
    shapes = dict[str, tuple[int, ...]]()
    with opened(path, ARRAYS) as archive:
        entries = archive.infolist()
        whole = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
        if not whole or sum(entry.file_size for entry in entries) > path.stat().st_size:
            raise NoisegridError(f"{path.name} is compressed or declares more bytes than it has, so it was not read")
        for entry in entries:
            name = entry.filename.removesuffix(".npy")
            if name not in KNOWN or name in shapes:
                raise NoisegridError(f"{path.name} contains {entry.filename!r} twice, or this is not a known array")
            with archive.open(entry) as file:
                shape, dtype = npy_header(file)
                promised = math.prod(shape) * dtype.itemsize
                if dtype.hasobject or dtype.itemsize == 0 or promised != entry.file_size - file.tell():
                    raise NoisegridError(
                        f"{path.name}: {entry.filename} is a pickle, or its length does not match its header"
                    )
            if name not in LOGITS.values():
                check_size(f"{path.name}: {entry.filename}", promised, ARRAY_BYTES)
            shapes[name] = shape
    check_count(f"{path.name}: labels", math.prod(shapes.get("label", ())), LABELS)
    for name in shapes.keys() & LOGITS.values():
        check_count(f"{path.name}: classes or attributes", shapes[name][-1] if shapes[name] else 0, CLASSES)
        if len(shapes[name]) != 2 or shapes[name][:1] != shapes.get("label", ())[:1]:
            raise NoisegridError(f"{path.name}: labels and {name} do not match in shape")


def check_meaning(arrays: dict[str, Any]) -> None:
    """Check that labels, logits and example ids are consistent.

    Parameters
    ----------
    arrays : dict
        `label`: integers, either classes with shape (examples,), or 0 and 1 with shape (examples, attributes); or
        values, float32 (examples, values).
        `predicted` and `midpoint_predicted`: int16, with the shape of `label`; for values, float32.
        `logits` and `midpoint_logits`: shape (examples, classes) or (examples, attributes); or neither.
        `example_id`: shape (examples,), the numbers from 0 to examples - 1 in order.

    Raises
    ------
    NoisegridError
        If an array is missing or has the wrong type or shape, if a label is not a valid class, if there are more
        classes or sub-groups than `limits` allow, or if the examples are not in order.
    """
    if missing := {"label", "example_id", *LOGITS} - arrays.keys():
        raise NoisegridError(f"predictions.npz lacks {', '.join(sorted(missing))}")
    label, predicted = arrays["label"], [arrays[name] for name in LOGITS]
    if not np.array_equal(arrays["example_id"], np.arange(len(label))):
        raise NoisegridError("the example ids are not 0, 1, 2 and so on")
    _check_by_epoch(arrays.get(BY_EPOCH), predicted[0])
    if are_values(label):
        _check_values(label, predicted)
        return
    logits = [arrays[name] for name in LOGITS.values() if name in arrays]
    if label.dtype.kind not in "iu" or any(each.shape != label.shape or each.dtype != np.int16 for each in predicted):
        raise NoisegridError("labels and predictions do not match in shape or type")
    if len({each.shape for each in logits}) > 1:
        raise NoisegridError("logits and midpoint logits do not match in shape")
    if label.ndim not in (1, 2) or label.size == 0:
        raise NoisegridError("the labels have neither one axis (classes) nor two (attributes), or there are none")
    if min(each.min() for each in (label, *predicted)) < 0:
        raise NoisegridError("a label or a prediction is negative")
    if label.ndim > 1 and max(each.max() for each in (label, *predicted)) > 1:
        raise NoisegridError("a label or prediction of an attribute is neither 0 nor 1")
    _check_classes(label, logits)
    if groups := {"group", "group_name", "target"} & arrays.keys():
        _check_groups(arrays, label, groups)


def _check_by_epoch(by_epoch: np.ndarray | None, final: np.ndarray) -> None:
    """Raise NoisegridError if there are predictions after each epoch that do not end with the final ones."""
    if by_epoch is None:
        return
    form = by_epoch.ndim == 1 + final.ndim and by_epoch.dtype == final.dtype
    if not form or not np.array_equal(by_epoch[-1:], final[None]):
        raise NoisegridError("the predictions after each epoch do not end with the final predictions")


def _check_classes(label: np.ndarray, logits: list[Any]) -> None:
    """Raise NoisegridError if a label is not one of the classes, or if there are too many classes."""
    if label.ndim == 1 and logits and label.max() >= logits[0].shape[1]:
        raise NoisegridError(f"a label is not one of the {logits[0].shape[1]} classes")
    classes = int(label.max()) + 1 if label.ndim == 1 else label.shape[1]
    check_count(
        "predictions.npz: classes or attributes", max(classes, *(each.shape[-1] for each in logits), 0), CLASSES
    )


def _check_values(label: np.ndarray, predicted: list[np.ndarray]) -> None:
    """Raise NoisegridError if labels that are values, and their predictions, do not match or are not finite."""
    both = (label, *predicted)
    if label.ndim != 2 or any(each.shape != label.shape or each.dtype != np.float32 for each in both):
        raise NoisegridError("values and predictions do not match in shape or type")
    if label.size == 0 or not all(np.isfinite(each).all() for each in both):
        raise NoisegridError("there are no values, or a value or a prediction is not finite")


def _check_groups(arrays: dict[str, np.ndarray], label: np.ndarray, found: set[str]) -> None:
    """Raise NoisegridError if the arrays about sub-groups do not match the labels or each other."""
    if len(found) < 3 or label.ndim != 2:
        raise NoisegridError("predictions.npz has only some of group, group_name and target, or no attributes")
    group, names, target = arrays["group"], arrays["group_name"], arrays["target"]
    if group.ndim != 2 or group.dtype != bool or len(group) != len(label) or names.shape != group.shape[1:]:
        raise NoisegridError("the sub-groups and their names do not match the labels in shape or type")
    check_count("predictions.npz: sub-groups", group.shape[1], GROUPS)
    if names.dtype.kind != "U" or target.dtype.kind not in "iu" or target.size != 1:
        raise NoisegridError("the names of sub-groups are not texts, or the target is not one number")
    if not 0 <= int(target) < label.shape[1]:
        raise NoisegridError(f"the target is not one of the {label.shape[1]} attributes")
    members = np.column_stack([np.packbits(group, axis=1), label[:, int(target)]])
    check_count("predictions.npz: combinations of sub-groups", len(np.unique(members, axis=0)), COMBINATIONS)
