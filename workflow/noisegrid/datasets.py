"""Datasets in the form that training reads: arrays prepared once, checksummed, memory-mapped by every replicate.

Writes: <folder>/<part>.npy for the four parts and manifest.json, which comes last and holds their checksums.
Command: python -m noisegrid.datasets --dataset NAME --folder RAW --output FOLDER/manifest.json
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.documents import catalog
from noisegrid.errors import NoisegridError, exit_on_error, unknown
from noisegrid.files import sha256, write_atomically, write_text
from noisegrid.study import digest

PARTS = ("train_images", "train_labels", "test_images", "test_labels")
#: Up to this size every job checks the whole content again; above it, only the length (ImageNet would cost minutes).
FULL_CHECK_BYTES = 512 * 1024**2


@dataclass(frozen=True)
class Dataset:
    """A prepared dataset. Images: uint8 (examples, channels, size, size); labels: int64 (examples,)."""

    name: str
    digest: str
    classes: int
    full_scale: float
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def prepare(name: str, raw: Path | None, folder: Path) -> None:
    """Read a dataset with its own reader and write the prepared form.

    Raises NoisegridError if raw files are missing, truncated or not the published ones.
    """
    entry = catalog("datasets")[name]
    module, _, function = entry["read"].partition(":")
    folder.mkdir(parents=True, exist_ok=True)
    arrays = getattr(import_module(module), function)(raw, folder / "raw")
    files = {}
    for part, array in zip(PARTS, arrays, strict=True):
        path = folder / f"{part}.npy"
        dtype = np.uint8 if part.endswith("images") else np.int64
        write_atomically(path, partial(np.save, arr=array.astype(dtype)))
        files[path.name] = {"bytes": path.stat().st_size, "sha256": sha256(path), "shape": list(array.shape)}
    manifest = {"dataset": name, "classes": entry["classes"], "full_scale": entry["full_scale"], "files": files}
    manifest["digest"] = digest(manifest)
    write_text(folder / "manifest.json", json.dumps(manifest, indent=2) + "\n")


def open_prepared(folder: Path) -> Dataset:
    """Memory-map a prepared dataset after checking that its files are those of the manifest."""
    manifest = read_manifest(folder)
    for name, expected in manifest["files"].items():
        _check_file(folder / name, expected)
    arrays = {part: np.load(folder / f"{part}.npy", mmap_mode="r", allow_pickle=False) for part in PARTS}
    return Dataset(manifest["dataset"], manifest["digest"], manifest["classes"], manifest["full_scale"], **arrays)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a prepared dataset."""
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    except (OSError, ValueError) as error:
        raise NoisegridError(f"{folder} holds no prepared dataset ({error}); delete it and run again") from error
    if manifest.get("digest") != digest({key: value for key, value in manifest.items() if key != "digest"}):
        raise NoisegridError(f"{folder}/manifest.json was changed by hand; delete {folder} and run again")
    return manifest


def check_raw_folders(folders: Mapping[str, str], used: list[str]) -> None:
    """Check, before any work starts, that the raw folders that the user names hold the files that are needed."""
    entries = catalog("datasets")
    for name in folders:
        if name not in entries:
            raise NoisegridError(f"config: dataset_folders: {unknown('dataset', name, entries)}")
    for name in used:
        folder = folders.get(name)
        if folder is None:
            continue
        if not Path(folder).is_dir():
            raise NoisegridError(f"config: dataset_folders.{name}: there is no folder {folder}")
        missing = [file for file in entries[name].get("files", []) if not (Path(folder) / file).exists()]
        if missing:
            raise NoisegridError(f"config: dataset_folders.{name}: {folder} lacks {', '.join(missing)}")


def _check_file(path: Path, expected: dict[str, Any]) -> None:
    remedy = f"delete {path.parent} and run again"
    if not path.exists():
        raise NoisegridError(f"{path} is missing; {remedy}")
    size = path.stat().st_size
    if size != expected["bytes"]:
        raise NoisegridError(f"{path} has {size} bytes instead of {expected['bytes']}: truncated; {remedy}")
    if size <= FULL_CHECK_BYTES and sha256(path) != expected["sha256"]:
        raise NoisegridError(f"{path} differs from the checksum in its manifest; {remedy}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m noisegrid.datasets", description=__doc__)
    parser.add_argument("--dataset", required=True, help="a name in workflow/catalog/datasets.yaml")
    parser.add_argument("--folder", type=Path, help="folder of the raw files; without it they are downloaded")
    parser.add_argument("--output", type=Path, required=True, help="the manifest.json to write")
    options = parser.parse_args()
    prepare(options.dataset, options.folder, options.output.parent)


if __name__ == "__main__":
    exit_on_error(main)
