"""The replicate's folder: written whole or not at all, and checked to the last byte when read. Needs no torch to read.

record.json        what was run, on what, with what result (workflow/schemas/record.schema.yaml)
predictions.npz    example_id, label: int32 (examples,) · logits, midpoint_logits: float32 (examples, classes)
weights.npy        float32 (values,), parameters before buffers; `layout` in the record says which is where
midpoint_weights.npy   the same after half of the epochs, where the paper's artifact took churn and L2
history.csv        epoch, learning_rate, train_loss_nats, seconds
"""

import csv
import json
import os
import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import sha256
from noisegrid.common.schemas import check
from noisegrid.records.layout import parameter_count
from noisegrid.study.study import Cell, digest

#: The files of a replicate that a package leaves out unless it is asked for them.
WEIGHTS = ("weights.npy", "midpoint_weights.npy")


@dataclass(frozen=True)
class Replicate:
    """One finished training run, as read from disk. Weights stay on disk until they are asked for."""

    folder: Path
    record: dict[str, Any]

    def predictions(self) -> dict[str, np.ndarray]:
        """example_id, label, logits, midpoint_logits."""
        with np.load(self.folder / "predictions.npz", allow_pickle=False) as arrays:
            return dict(arrays)

    def weights(self, which: str = "weights") -> np.ndarray:
        """`weights` or `midpoint_weights`, memory-mapped: float32 (values,)."""
        vector: np.ndarray = np.load(self.folder / f"{which}.npy", mmap_mode="r", allow_pickle=False)
        return vector

    @property
    def has_weights(self) -> bool:
        """Whether its weights are here; a package usually leaves them out."""
        return (self.folder / "weights.npy").exists()

    @property
    def parameters(self) -> int:
        """How many leading values of the weight vector are parameters; the rest are buffers."""
        return parameter_count(self.record["layout"], int(self.weights().size))


def replicate_folder(results: Path, cell: Cell, replicate: int) -> Path:
    """Where a replicate lives: <results>/<study>/replicates/<hardware>/<task>/<noise>/<replicate>."""
    return results / cell.study / "replicates" / cell.path / str(replicate)


def failure_file(folder: Path) -> Path:
    """Beside a replicate's folder: why it failed; gone when it is trained."""
    return folder.with_name(f".{folder.name}.failed")


def checkpoint_folder(folder: Path) -> Path:
    """Beside a replicate's folder: where its state is put away while it is trained."""
    return folder.with_name(f".{folder.name}.checkpoints")


def write(
    folder: Path,
    record: dict[str, Any],
    arrays: dict[str, np.ndarray],
    weights: dict[str, np.ndarray],
    history: list[dict[str, float]],
) -> None:
    """Write a replicate's folder under a temporary name and move it into place when it is whole."""
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
        raise NoisegridError(f"cannot write {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read(folder: Path, left_out: Collection[str] = ()) -> Replicate:
    """Read a replicate and check every file; NoisegridError names what is missing, truncated or edited.

    left_out: files that need not be there (a package's weights).
    """
    record = read_record(folder)
    for name, expected in record["files"].items():
        path = folder / name
        if not path.is_file() and name in left_out:
            continue
        if not path.is_file():
            raise NoisegridError(f"{path} is missing; delete {folder} and run again")
        if _fingerprint(path) != expected:
            raise NoisegridError(
                f"{path} is not what its record says (truncated or edited); delete {folder} and run again"
            )
    return Replicate(folder, record)


def read_record(folder: Path) -> dict[str, Any]:
    """Read and check record.json alone."""
    path = folder / "record.json"
    try:
        record: dict[str, Any] = json.loads(path.read_text())
    except OSError as error:
        raise NoisegridError(f"{path} cannot be read ({error.strerror}); delete {folder} and run again") from error
    except ValueError as error:
        raise NoisegridError(f"{path} is truncated or edited (no JSON); delete {folder} and run again") from error
    check(record, "record", str(path))
    if record["record_digest"] != digest({key: value for key, value in record.items() if key != "record_digest"}):
        raise NoisegridError(f"{path} was edited: its digest does not fit its content; delete {folder} and run again")
    return record


def check_settings(results: Path, cells: Iterable[Cell]) -> None:
    """Refuse, before any work starts, a results folder whose replicates were made with other settings.

    One record per cell is read here; every record is held against its cell again when it is measured.
    """
    for cell in cells:
        for record, folder in _first_record(results, cell):
            check_belongs(record, cell, folder)


#: What replicates of one cell share, beside their settings and image: where it stands in a record.
SHARED = ("code.source_digest", "device.model", "software.torch", "dataset.digest")


def entry(record: dict[str, Any], key: str) -> Any:
    """The entry of a record at a dotted key."""
    for part in key.split("."):
        record = record[part]
    return record


def check_code(results: Path, cells: Iterable[Cell], source_digest: str) -> None:
    """Refuse, before any work starts, to add replicates to cells that were begun with other training code."""
    for cell in cells:
        if not is_complete(results, cell, range(cell.replicates)):
            check_shared(results, cell, {"code.source_digest": source_digest})


def is_complete(results: Path, cell: Cell, numbers: Iterable[int]) -> bool:
    """Whether those of a cell's replicates are finished."""
    wanted = (number for number in numbers if number < cell.replicates)
    return all(replicate_folder(results, cell, number).exists() for number in wanted)


def check_shared(results: Path, cell: Cell, now: dict[str, str]) -> None:
    """Hold what a job would train with (keys of SHARED) against the cell's first finished replicate."""
    for record, folder in _first_record(results, cell):
        for key, value in now.items():
            if entry(record, key) != value:
                raise NoisegridError(
                    f"{folder} was made with another {key} ({entry(record, key)}; now {value}), and replicates of one "
                    f"cell share it; go back to it (commit {record['code']['git_commit']}), or give the study another "
                    f"name, or delete {folder.parent} to train the cell again"
                )


def check_images(results: Path, cells: Iterable[Cell], image: dict[str, Any] | None) -> None:
    """Refuse, before any work starts, to continue cells in another image than they were begun in (None: in none)."""
    for cell in cells:
        for record, folder in _first_record(results, cell):
            check_image(record, image, folder)


def _first_record(results: Path, cell: Cell) -> Iterator[tuple[dict[str, Any], Path]]:
    """A cell's first finished record and its folder, where there is one."""
    finished = sorted((results / cell.study / "replicates" / cell.path).glob("[0-9]*/record.json"))
    for path in finished[:1]:
        yield read_record(path.parent), path.parent


def check_belongs(record: dict[str, Any], cell: Cell, folder: Path) -> None:
    """A replicate belongs to a cell if its settings are the cell's, to the last key."""
    if record["settings_digest"] == cell.digest:
        return
    changes = ", ".join(differences(record["settings"], cell.settings)) or "its settings"
    raise NoisegridError(
        f"{folder} was made with other settings than cell {cell.path} of study {cell.study} has now ({changes}); "
        f"give the study another name, or delete {folder.parent} to train the cell again"
    )


def check_image(record: dict[str, Any], image: dict[str, Any] | None, folder: Path) -> None:
    """Runs inside different images, or inside and outside of one, are never mixed in a cell."""
    old, new = ((about or {}).get("definition", "outside of any image") for about in (record["container"], image))
    if old != new:
        raise NoisegridError(
            f"{folder} was made in another container than this call runs in ({old}; now {new}); call Snakemake as "
            f"before, or give the study another name, or delete {folder.parent} to train the cell again"
        )


def differences(old: Any, new: Any, key: str = "") -> list[str]:
    """Which keys of two settings differ, each with both values."""
    if isinstance(old, dict) and isinstance(new, dict):
        names = sorted(old.keys() | new.keys())
        return [
            text for name in names for text in differences(old.get(name), new.get(name), f"{key}.{name}".lstrip("."))
        ]
    return [] if old == new else [f"{key}: {old} -> {new}"]


def _fingerprint(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": sha256(path)}


def _write_history(path: Path, history: list[dict[str, float]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(history[0]))
        writer.writeheader()
        writer.writerows(history)


def _sync(folder: Path) -> None:
    """Bring the files to the disk before the folder gets its name, so that a power cut leaves no hollow replicate."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
