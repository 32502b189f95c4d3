"""Are a stranger's predictions what they should be, before any of it is loaded into memory?"""

import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from noisegrid.common.errors import NoisegridError
from noisegrid.records.record import Replicate

#: What predictions.npz holds (record.py); the last three where the dataset has sub-groups.
KNOWN = {"example_id", "label", "logits", "midpoint_logits", "group", "group_name", "target"}


def checked(replicate: Replicate) -> dict[str, np.ndarray]:
    """A replicate's predictions, read after it was checked that they can be, and are what they should be."""
    check_stored(replicate.folder / "predictions.npz")
    arrays = replicate.predictions()
    check_meaning(arrays)
    return arrays


def check_stored(path: Path) -> None:
    """Arrays lie in the file as they are, of numbers or text, and as long as their headers say.

    Raises NoisegridError for what could grow when it is read (compressed entries, headers that promise more than there
    is) and for arrays of objects, which would be unpickled.
    """
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        whole = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
        if not whole or sum(entry.file_size for entry in entries) > path.stat().st_size:
            raise NoisegridError(f"{path.name} is compressed, and is not read")
        for entry in entries:
            if entry.filename.removesuffix(".npy") not in KNOWN:
                raise NoisegridError(f"{path.name} holds {entry.filename!r}, which is no part of predictions")
            with archive.open(entry) as file:
                shape, dtype = _header(file)
                promised = math.prod(shape) * dtype.itemsize
                if dtype.hasobject or dtype.itemsize == 0 or promised != entry.file_size - file.tell():
                    raise NoisegridError(f"{path.name}: {entry.filename} is not as long as it says, or a pickle")


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def check_meaning(arrays: dict[str, np.ndarray]) -> None:
    """Labels name classes that there are, one line of logits per example, examples in order.

    label: (examples,) classes, or (examples, attributes) of 0 and 1; logits, midpoint_logits: float32 (examples,
    classes or attributes). Raises NoisegridError.
    """
    label, logits, midpoint = arrays["label"], arrays["logits"], arrays["midpoint_logits"]
    examples = len(label)
    fitting = logits.ndim == 2 and logits.shape == midpoint.shape and logits.dtype == midpoint.dtype == np.float32
    if not fitting or len(logits) != examples or label.dtype.kind not in "iu":
        raise NoisegridError("labels and logits are not of one length and kind")
    highest = logits.shape[1] if label.ndim == 1 else 2
    if label.ndim > 1 and label.shape != logits.shape:
        raise NoisegridError("labels and logits are not of one shape")
    if label.size == 0 or label.min() < 0 or label.max() >= highest:
        raise NoisegridError(f"a label is not among the {highest} that there are")
    if not np.array_equal(arrays["example_id"], np.arange(examples)):
        raise NoisegridError("examples are not in order")
