"""The folder of a replicate. It is written completely or not at all, and reading it verifies all checksums.

This module does not import torch. The folder contains:

record.json             settings, machine and results of the run (workflow/schemas/record.schema.yaml)
predictions.npz         example_id: int32 (examples,); label: int32 (examples,), or uint8 (examples, attributes);
                        logits, midpoint_logits: float32 (examples, classes), or only the predictions: predicted,
                        midpoint_predicted: int16, with the shape of label; epoch_predicted: int16 (epochs, and the
                        shape of label), if a study keeps `epochs`; for a dataset with sub-groups also
                        group: bool (examples, groups), group_name and target, as in data.prepared.Dataset
weights.npy             float32 (values,): first all parameters, then all buffers; `layout` in record.json lists them
midpoint_weights.npy    the weights after half of the epochs, when the reference measures churn and L2 distance
history.csv             epoch, learning_rate, train_loss, seconds

A study's `keep` decides whether weights, midpoint weights and logits are written. Their hashes are always recorded.
"""

import csv
import json
import os
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.common import versions
from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import reason, sha256
from noisegrid.common.paths import StudyPaths
from noisegrid.common.schemas import check
from noisegrid.common.versions import check_version
from noisegrid.records import predictions
from noisegrid.records.layout import parameter_count
from noisegrid.records.stored import StoredArray
from noisegrid.runtime.environment import HERE
from noisegrid.study.study import Cell, digest

#: What to do about a damaged replicate, for messages.
REPAIR = "`noisegrid repair` sets this replicate aside, and the next run trains it again"
#: The files of a replicate that a crate leaves out by default.
WEIGHTS = ("weights.npy", "midpoint_weights.npy")


@dataclass(frozen=True)
class Replicate:
    """A finished training run, as read from disk. Weights and predictions stay on disk until they are used.

    Attributes
    ----------
    folder : Path
        The folder of the replicate.
    record : dict
        The content of record.json.
    """

    folder: Path
    record: dict[str, Any]

    def predictions(self) -> dict[str, Any]:
        """Read predictions.npz, with `predicted` and `midpoint_predicted` in any case (see records/predictions.py)."""
        return predictions.read(self.folder / "predictions.npz")

    def weights(self, which: str = "weights") -> np.ndarray:
        """Return the weight vector `weights` or `midpoint_weights` as a memory-mapped one-dimensional float32 array."""
        vector: np.ndarray = np.load(self.folder / f"{which}.npy", mmap_mode="r", allow_pickle=False)
        return vector

    def stored_weights(self, which: str = "weights") -> StoredArray:
        """Return the same vector, which is read from disk slice by slice."""
        return StoredArray(self.folder / f"{which}.npy")

    def has(self, which: str) -> bool:
        """Return whether the folder contains the vector `weights` or `midpoint_weights`.

        A study may keep no weights, and a crate contains none by default.
        """
        return (self.folder / f"{which}.npy").exists()

    @property
    def parameters(self) -> int:
        """The number of parameters, which come before the buffers in the weight vector."""
        return parameter_count(self.record["layout"], int(self.weights().size))


def replicate_folder(results: Path, cell: Cell, replicate: int) -> Path:
    """Return the path of a replicate's folder: <results>/<study>/replicates/<hardware>/<task>/<noise>/<replicate>."""
    return Path(StudyPaths(str(results), cell.study).replicate(cell.path, replicate))


def failure_file(folder: Path) -> Path:
    """Return the path of the file, next to a replicate's folder, that states why the training failed.

    Successful training deletes this file.
    """
    return folder.with_name(f".{folder.name}.failed")


def checkpoint_folder(folder: Path) -> Path:
    """Return the path of the folder with the checkpoints of a replicate, which is next to the replicate's folder."""
    return folder.with_name(f".{folder.name}.checkpoints")


def damaged_folder(folder: Path) -> Path:
    """Return the path to which the folder of a damaged replicate is renamed until the replicate is trained again."""
    return folder.with_name(f".{folder.name}.damaged")


def clear_leftovers(folder: Path) -> None:
    """Delete what killed processes left of a replicate, and its damaged folder. The caller must hold the lock."""
    for path in folder.parent.glob(f".{folder.name}.*"):
        if path.suffix == ".damaged" or path.suffix[1:].isdigit():
            shutil.rmtree(path, ignore_errors=True)


def write(
    folder: Path,
    record: dict[str, Any],
    arrays: dict[str, np.ndarray],
    weights: dict[str, np.ndarray],
    history: list[dict[str, float]],
) -> None:
    """Write the folder of a replicate under a temporary name, then move it into place.

    Parameters
    ----------
    folder : Path
        The folder to write. It must not exist yet.
    record : dict
        The record, without the entries `files` and `record_digest`, which are added here.
    arrays : dict of arrays
        The content of predictions.npz.
    weights : dict of arrays
        The weight vectors. Each key is the name of the vector's file without the suffix.
    history : list of dict
        The rows of history.csv.

    Raises
    ------
    NoisegridError
        If the record does not match its schema, or if the folder cannot be written.
    """
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        temporary.mkdir(parents=True)
        np.savez(temporary / "predictions.npz", allow_pickle=False, **arrays)
        for name, vector in weights.items():
            np.save(temporary / f"{name}.npy", vector, allow_pickle=False)
        _write_history(temporary / "history.csv", history)
        files = {path.name: _fingerprint(path) for path in sorted(temporary.iterdir())}
        record = {**record, "files": files}
        record["record_digest"] = digest(record)
        check(record, "record", str(folder / "record.json"))
        (temporary / "record.json").write_text(json.dumps(record, indent=1) + "\n")
        _sync(temporary)
        temporary.rename(folder)
    except OSError as error:
        raise NoisegridError(f"cannot write {folder}: {reason(error, folder)}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read(folder: Path, left_out: Collection[str] = (), only: Collection[str] | None = None) -> Replicate:
    """Read a replicate, and compare every file with its checksum in the record.

    Parameters
    ----------
    folder : Path
        The folder of the replicate.
    left_out : collection of str
        The names of files that may be missing. A crate, for example, may lack the weights.
    only : collection of str, optional
        The names of the files to compare; all of them by default.

    Raises
    ------
    NoisegridError
        If a file is missing, truncated or edited. The message states which file.
    """
    record = read_record(folder)
    for name, expected in record["files"].items():
        path = folder / name
        if (only is not None and name not in only) or (not path.is_file() and name in left_out):
            continue
        if not path.is_file():
            raise NoisegridError(f"{path} is missing; {REPAIR}")
        if _fingerprint(path) != expected:
            raise NoisegridError(f"{path} does not match its record (truncated or edited); {REPAIR}")
    return Replicate(folder, record)


def read_record(folder: Path) -> dict[str, Any]:
    """Read and check only the record.json of a replicate.

    Raises
    ------
    NoisegridError
        If record.json is missing, truncated or edited.
    """
    path = folder / "record.json"
    try:
        record: dict[str, Any] = json.loads(path.read_text())
    except OSError as error:
        raise NoisegridError(f"{path} cannot be read ({error.strerror}); {REPAIR}") from error
    except ValueError as error:
        raise NoisegridError(f"{path} is truncated or edited (not valid JSON); {REPAIR}") from error
    if isinstance(record, dict):
        check_version(record.get("format", 1), versions.RECORD, f"{path}, the record of a replicate,")
    check(record, "record", str(path))
    if record["record_digest"] != digest({key: value for key, value in record.items() if key != "record_digest"}):
        raise NoisegridError(f"{path} was edited: its digest does not match its content; {REPAIR}")
    return record


def entry(record: dict[str, Any], key: str) -> Any:
    """Return the entry of a record at a dotted key such as `device.model`."""
    for part in key.split("."):
        record = record[part]
    return record


def versions_of(record: dict[str, Any]) -> str:
    """Return the versions of the software of a run, for tables.

    Where the stack is whatever is installed, the text contains the digest of all installed packages.
    """
    software = record["software"]
    parts = [f"torch {software['torch']}", f"Python {software['python']}"]
    if is_unpinned(record["settings"]):
        parts.append(f"environment {software['environment']}")
    return ", ".join(parts)


def is_unpinned(settings: dict[str, Any]) -> bool:
    """Return whether the stack is whatever is installed where a job runs."""
    return settings["hardware"].get("stack") == HERE


def is_complete(results: Path, cell: Cell, numbers: Iterable[int]) -> bool:
    """Return whether all replicates of a cell with the given numbers are finished.

    Numbers for which the cell has no replicate are ignored.
    """
    wanted = (number for number in numbers if number < cell.replicates)
    return all(replicate_folder(results, cell, number).exists() for number in wanted)


def _fingerprint(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": sha256(path)}


def _write_history(path: Path, history: list[dict[str, float]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(history[0]))
        writer.writeheader()
        writer.writerows(history)


def _sync(folder: Path) -> None:
    """Flush the files to disk before the folder gets its final name, so that a power cut leaves no empty files."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
