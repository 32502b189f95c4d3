"""Check the predictions in an untrusted crate, both before and after they are loaded into memory."""

import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from noisegrid.common.errors import NoisegridError
from noisegrid.records.record import Replicate

#: Names of the arrays in predictions.npz (see records/record.py). `group`, `group_name` and `target` exist only if the
#: dataset has sub-groups.
KNOWN = {"example_id", "label", "logits", "midpoint_logits", "group", "group_name", "target"}


def checked(replicate: Replicate) -> dict[str, np.ndarray]:
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
        file contains; if it contains arrays of objects, which would be unpickled; or if an array has an unknown name.
    """
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        whole = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
        if not whole or sum(entry.file_size for entry in entries) > path.stat().st_size:
            raise NoisegridError(f"{path.name} is compressed or declares more bytes than it has, so it was not read")
        for entry in entries:
            if entry.filename.removesuffix(".npy") not in KNOWN:
                raise NoisegridError(f"{path.name} contains {entry.filename!r}, which is not one of the known arrays")
            with archive.open(entry) as file:
                shape, dtype = _header(file)
                promised = math.prod(shape) * dtype.itemsize
                if dtype.hasobject or dtype.itemsize == 0 or promised != entry.file_size - file.tell():
                    raise NoisegridError(
                        f"{path.name}: {entry.filename} is a pickle, or its length does not match its header"
                    )


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def check_meaning(arrays: dict[str, np.ndarray]) -> None:
    """Check that labels, logits and example ids are consistent.

    Parameters
    ----------
    arrays : dict
        `label`: integers, either classes with shape (examples,), or 0 and 1 with shape (examples, attributes).
        `logits` and `midpoint_logits`: float32, shape (examples, classes) or (examples, attributes).
        `example_id`: shape (examples,), the numbers from 0 to examples - 1 in order.

    Raises
    ------
    NoisegridError
        If an array has the wrong type or shape, if a label is not a valid class, or if the examples are not in order.
    """
    label, logits, midpoint = arrays["label"], arrays["logits"], arrays["midpoint_logits"]
    examples = len(label)
    fitting = logits.ndim == 2 and logits.shape == midpoint.shape and logits.dtype == midpoint.dtype == np.float32
    if not fitting or len(logits) != examples or label.dtype.kind not in "iu":
        raise NoisegridError("labels, logits and midpoint logits do not match in shape or type")
    highest = logits.shape[1] if label.ndim == 1 else 2
    if label.ndim > 1 and label.shape != logits.shape:
        raise NoisegridError("labels and logits differ in shape")
    if label.size == 0 or label.min() < 0 or label.max() >= highest:
        raise NoisegridError(f"a label is not one of the {highest} classes")
    if not np.array_equal(arrays["example_id"], np.arange(examples)):
        raise NoisegridError("the example ids are not 0, 1, 2 and so on")
