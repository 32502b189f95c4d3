"""The arrays in predictions.npz.

Without the logits (see `keep` in a study), the file holds the predictions alone, which take less than a tenth of the
space where there are ten classes or more.
"""

import math
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.common.errors import NoisegridError
from noisegrid.records.stored import StoredArray

Array = np.ndarray
#: The logits from which each array of predictions is computed. The file has one kind only.
LOGITS = {"predicted": "logits", "midpoint_predicted": "midpoint_logits"}
#: The predictions after each epoch, (epochs, examples, ...), if the study keeps `epochs`.
BY_EPOCH = "epoch_predicted"
#: Names of all arrays. `group`, `group_name` and `target` exist only if the dataset has sub-groups.
KNOWN = {"example_id", "label", *LOGITS, *LOGITS.values(), BY_EPOCH, "group", "group_name", "target"}
#: The largest number of logits to hold in memory at a time.
BLOCK_VALUES = 1 << 22
#: Outputs of equal weights differ by no more than this share of the largest one, whatever kernel computed them.
ROUNDING = 1e-3


def predictions_of(logits: Array, labels: Array) -> Array:
    """Convert logits to predictions.

    Parameters
    ----------
    logits : (..., examples, classes)
        Outputs of the network.
    labels : (examples,), (examples, attributes) or (examples, values)
        The labels. Only their type and the number of axes matter: floats are values, and otherwise one axis is for
        classes and two are for attributes.

    Returns
    -------
    int16 (..., examples) or (..., examples, attributes), or float32 (..., examples, values)
        The most likely class of each example or, for attributes, whether the logit of each attribute is positive. For
        values, the outputs themselves.
    """
    return of_kind(logits, "values" if are_values(labels) else "classes" if labels.ndim == 1 else "attributes")


def of_kind(logits: Array, kind: str) -> Array:
    """Convert logits to predictions, given what the labels are (see `predictions_of`), as in a Form."""
    if kind == "values":
        return logits
    return (logits > 0 if kind == "attributes" else logits.argmax(axis=-1)).astype(np.int16)


def are_values(labels: Array) -> bool:
    """Return whether labels are values, and not classes or attributes."""
    return np.issubdtype(labels.dtype, np.floating)


def stored_labels(labels: Array, kind: str) -> Array:
    """Return the labels of test examples as predictions.npz has them.

    Parameters
    ----------
    labels : array (examples, ...)
        The labels of a dataset. For tokens, they are (windows, tokens), and each token becomes an example.
    kind : str
        What they are, as in a Form.
    """
    if kind == "values":
        return labels.astype(np.float32)
    return labels.astype(np.uint8) if kind == "attributes" else labels.astype(np.int32).ravel()


def results(predicted: Array, labels: Array) -> dict[str, float]:
    """Return what a record states of its predictions: the accuracy in percent or, for values, the RMSE."""
    if are_values(labels):
        return {"test_rmse": float(np.sqrt(np.mean((predicted.astype(np.float64) - labels) ** 2)))}
    return {"test_accuracy_percent": 100 * float((predicted == labels).mean())}


def outputs(final: Array, midpoint: Array, labels: Array, keep_logits: bool) -> dict[str, Array]:
    """Return the arrays to store for the outputs of a network: logits or, if they are not kept, predictions.

    Parameters
    ----------
    final, midpoint : float32 (examples, outputs)
        Outputs after all epochs, and after half of the epochs.
    labels : (examples,), (examples, attributes) or (examples, values)
        The labels.
    keep_logits : bool
        Whether to store the logits.
    """
    logits = dict(zip(LOGITS, (final, midpoint), strict=True))
    if keep_logits:
        return {LOGITS[name]: values for name, values in logits.items()}
    return {name: predictions_of(values, labels) for name, values in logits.items()}


def read(path: Path) -> dict[str, Any]:
    """Read predictions.npz. `predicted` and `midpoint_predicted` are computed if the file has logits instead.

    Logits stay on disk, as a StoredArray.
    """
    with np.load(path, allow_pickle=False) as file:
        arrays: dict[str, Any] = {name: file[name] for name in file.files if name not in LOGITS.values()}
        for entry in file.zip.infolist():
            if (name := entry.filename.removesuffix(".npy")) in LOGITS.values():
                arrays[name] = _stored(path, entry)
    for name, logits in LOGITS.items():
        if logits in arrays:
            arrays[name] = np.concatenate([predictions_of(block, arrays["label"]) for block in blocks(arrays[logits])])
    return arrays


def _stored(path: Path, entry: zipfile.ZipInfo) -> StoredArray:
    """Return an array of an .npz file, which stays on disk."""
    if entry.compress_type != zipfile.ZIP_STORED:
        raise NoisegridError(f"{path}: {entry.filename} is compressed, which noisegrid never does")
    with path.open("rb") as file:
        file.seek(entry.header_offset + 26)  # the lengths of the name and of the extra field, which come before data
        name, extra = struct.unpack("<HH", file.read(4))
    return StoredArray(path, entry.header_offset + 30 + name + extra)


def agree(one: Any, other: Any) -> bool:
    """Return whether two arrays can be the outputs of equal weights, or the labels of equal examples.

    Integers must be equal. Floats may differ by rounding, because the evaluation may have used another kernel. Logits
    are read a few rows at a time.

    Parameters
    ----------
    one, other : array or StoredArray
        The arrays.
    """
    if tuple(one.shape) != tuple(other.shape):
        return False
    if all(isinstance(each, np.ndarray) and each.dtype.kind != "f" for each in (one, other)):
        return bool(np.array_equal(one, other))
    rows = max(1, BLOCK_VALUES // max(1, math.prod(one.shape[1:])))
    return all(_rounded(one[start : start + rows], other[start : start + rows]) for start in range(0, len(one), rows))


def _rounded(one: Array, other: Array) -> bool:
    return bool((np.abs(one - other) <= ROUNDING * np.abs(other).max(initial=0)).all())


def blocks(logits: StoredArray) -> Iterator[Array]:
    """Yield the logits of consecutive examples, as many at a time as BLOCK_VALUES allows."""
    rows = max(1, BLOCK_VALUES // math.prod(logits.shape[1:]))
    for start in range(0, len(logits), rows):
        yield logits[start : start + rows]
