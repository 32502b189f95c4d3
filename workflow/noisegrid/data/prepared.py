"""Prepared datasets: arrays that are converted once, checksummed, and memory-mapped by every replicate.

For each part of a dataset (train_inputs, train_labels, ...), `prepare` writes one file <folder>/<part>.npy. After all
parts, it writes <folder>/manifest.json, which contains the checksums of these files.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import sha256, write_atomically, write_text
from noisegrid.common.references import imported
from noisegrid.data.checks import check_raw, form_of
from noisegrid.data.form import NEXT_TOKENS, Form
from noisegrid.data.values import ValueChecks
from noisegrid.readers import Raw
from noisegrid.study.study import digest

PARTS = ("train_inputs", "train_labels", "test_inputs", "test_labels")
#: The keys of a manifest that together are the dataset's Form.
FORM = ("kind", "labels", "outputs", "shape", "columns", "full_scale")
#: The size in bytes up to which every job checks the full content of a file. If a file is larger, a job checks only its
#: length, because hashing ImageNet would take minutes.
FULL_CHECK_BYTES = 512 * 1024**2


@dataclass(frozen=True)
class Dataset:
    """A prepared dataset, memory-mapped.

    Attributes
    ----------
    name : str
        The name of the dataset in the catalog.
    digest : str
        Digest of the manifest. Because the manifest contains the checksums of all files, the digest depends on their
        content.
    form : Form
        What the examples and the labels are.
    train_inputs, test_inputs : array (examples, ...) or (tokens,)
        The stored examples: uint8 or float32 images, float32 arrays or rows of a table, or a stream of tokens.
    train_labels, test_labels : array, optional
        int64 classes (examples,), uint8 attributes (examples, attributes) or float32 values (examples, values); None
        for tokens.
    groups : bool (test examples, groups), optional
        Whether each test example belongs to each sub-group; None if the dataset has no sub-groups.
    group_names : list of str
        The names of the sub-groups.
    target : int, optional
        Index of the attribute whose errors are compared between sub-groups.
    """

    name: str
    digest: str
    form: Form
    train_inputs: np.ndarray
    train_labels: np.ndarray | None
    test_inputs: np.ndarray
    test_labels: np.ndarray | None
    groups: np.ndarray | None = None
    group_names: list[str] = field(default_factory=list)
    target: int | None = None

    def part(self, name: str, context: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the inputs and the labels of the training part or the test part (`train` or `test`).

        Parameters
        ----------
        name : str
            The part.
        context : int, optional
            For tokens, the number of tokens of a window. Windows follow each other; what is left of the stream at its
            end is left out.

        Raises
        ------
        NoisegridError
            If the stream of tokens is shorter than a window and the token after it.
        """
        inputs: np.ndarray = getattr(self, f"{name}_inputs")
        labels: np.ndarray | None = getattr(self, f"{name}_labels")
        if labels is not None:
            return inputs, labels
        assert context is not None
        check_context(self.name, name, len(inputs), context)
        windows = sliding_window_view(inputs, context + 1)[::context]
        return windows[:, :-1], windows[:, 1:]

    def count(self, name: str, context: int | None = None) -> int:
        """Return the number of examples of a part; for tokens, of windows."""
        return len(self.part(name, context)[0])


def check_context(dataset: str, part: str, tokens: int, context: int) -> None:
    """Raise NoisegridError if a stream of so many tokens has no window of `context` tokens and the token after it."""
    if tokens <= context:
        raise NoisegridError(
            f"dataset {dataset}: its {part} part has {tokens} tokens, which is not enough for a context of {context}; "
            f"set `context` of the task to at most {tokens - 1}"
        )


def prepare(name: str, entry: dict[str, Any], raw: Path | None, folder: Path) -> list[str]:
    """Read a dataset as `read` does, write it as `write` does, and return the notes."""
    return write(name, entry, *read(name, entry, raw, folder), folder)


def read(name: str, entry: dict[str, Any], raw: Path | None, folder: Path) -> tuple[Raw, list[str]]:
    """Read a raw dataset with its reader, and check all but the values of its inputs.

    Parameters
    ----------
    name : str
        The name of the dataset.
    entry : dict
        The entry of the dataset in the catalog.
    raw : Path or None
        The folder of the raw files, or None to let the reader download them.
    folder : Path
        The folder to write the prepared dataset to. Downloads go to its folder `raw`.

    Returns
    -------
    Raw
        The dataset.
    list of str
        One sentence for each oddity.

    Raises
    ------
    NoisegridError
        If a raw file is missing, truncated or different from the published file, or if the dataset cannot be used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = imported("dataset", entry["read"])(raw, folder / "raw")
    if not isinstance(data, Raw):
        raise NoisegridError(
            f"dataset {entry['read']}: the reader returned {type(data).__name__}, not a noisegrid.readers.Raw"
        )
    return data, check_raw(name, entry, data)


def write(name: str, entry: dict[str, Any], data: Raw, notes: list[str], folder: Path) -> list[str]:
    """Check the values of a dataset (see data/values.py), and write the prepared dataset.

    Parameters
    ----------
    name : str
        The name of the dataset.
    entry : dict
        The entry of the dataset in the catalog.
    data, notes
        The results of `read`.
    folder : Path
        The folder to write the prepared dataset to.

    Returns
    -------
    list of str
        The notes, and one sentence for each oddity of the values. The manifest contains all of them.

    Raises
    ------
    NoisegridError
        If the values cannot be used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    form, files = form_of(entry, data), {}
    checks = ValueChecks(name, form)
    for part in (*_parts(form.labels), *(["groups"] if data.groups else [])):
        path = folder / f"{part}.npy"
        write_atomically(path, partial(_save, part, data, checks))
        files[path.name] = {"bytes": path.stat().st_size, "sha256": sha256(path)}
    notes = [*notes, *checks.notes()]
    manifest: dict[str, Any] = {"dataset": name, "files": files, **{key: getattr(form, key) for key in FORM}}
    manifest |= {"column_names": data.columns, "vocabulary": data.vocabulary}
    manifest |= {"group_names": list(data.groups), "target": data.target if data.target is None else int(data.target)}
    manifest = json.loads(json.dumps(manifest))  # as it will be read: tuples become lists
    manifest |= {"digest": digest(manifest), "notes": notes}  # the digest is that of the content
    write_text(folder / "manifest.json", json.dumps(manifest, indent=2) + "\n")
    return notes


def open_prepared(folder: Path) -> Dataset:
    """Check the files of a prepared dataset against its manifest and memory-map them.

    Raises
    ------
    NoisegridError
        If a file is missing, truncated or changed.
    """
    manifest = read_manifest(folder)
    for name, expected in manifest["files"].items():
        _check_file(folder / name, expected)
    parts = (*_parts(manifest["labels"]), *(["groups"] if manifest["group_names"] else []))
    arrays = {part: np.load(folder / f"{part}.npy", mmap_mode="r", allow_pickle=False) for part in parts}
    about: dict[str, Any] = {key: manifest[key] for key in ("digest", "group_names", "target")}
    files: dict[str, Any] = dict.fromkeys(PARTS) | arrays
    return Dataset(manifest["dataset"], form=form_in(manifest), **about, **files)


def form_in(manifest: dict[str, Any]) -> Form:
    """Return the form of a prepared dataset, from its manifest."""
    return Form(**{key: manifest[key] for key in FORM})


def _parts(labels: str) -> tuple[str, ...]:
    """Return the parts of a dataset with labels of the given kind; tokens are their own labels."""
    return tuple(part for part in PARTS if labels != NEXT_TOKENS or part.endswith("inputs"))


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read and check the manifest of a prepared dataset."""
    if not folder.exists():
        raise NoisegridError(
            f"there is no prepared dataset {folder}; run Snakemake, which prepares it, or `noisegrid prepare-dataset "
            f"{folder.name} --output {folder}/manifest.json`, or give its parent folder with --datasets"
        )
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    except (OSError, ValueError) as error:
        raise NoisegridError(f"{folder} has no prepared dataset ({error}); delete this folder and run again") from error
    if manifest.get("digest") != digest(
        {key: value for key, value in manifest.items() if key not in ("digest", "notes")}
    ):
        raise NoisegridError(f"{folder}/manifest.json was changed by hand; delete {folder} and run again")
    if not manifest.keys() >= {"dataset", "files", "group_names", "target", *FORM}:
        raise NoisegridError(f"{folder} was prepared by another version of noisegrid; delete it and run again")
    return manifest


def check_raw_folders(folders: Mapping[str, str], entries: Mapping[str, dict[str, Any]], used: list[str]) -> None:
    """Check that the configured raw folders contain all required files. This check runs before any work starts.

    Parameters
    ----------
    folders : mapping
        The folder of each dataset, from `dataset_folders` in the configuration.
    entries : mapping
        The catalog entry of each dataset.
    used : list of str
        The names of the datasets to check.

    Raises
    ------
    NoisegridError
        If a folder or a file is missing, or if no folder is configured for a dataset whose licence forbids automatic
        download.
    """
    for name in used:
        folder, entry = folders.get(name), entries[name]
        needs = [file.replace("|", " or ") for file in entry.get("files", [])]
        if folder is None:
            if entry.get("licensed"):
                raise NoisegridError(
                    f"config: dataset_folders.{name} is not set, and the licence of {entry['title']} forbids automatic "
                    f"download; download {', '.join(needs)} ({entry['source']}) and set this key "
                    "to the folder of these files"
                )
            continue
        if not Path(folder).is_dir():
            raise NoisegridError(f"config: dataset_folders.{name}: there is no folder {folder}; correct the path")
        there = [any((Path(folder) / file).exists() for file in files.split("|")) for files in entry.get("files", [])]
        missing = [files for files, found in zip(needs, there, strict=True) if not found]
        if missing:
            raise NoisegridError(
                f"config: dataset_folders.{name}: {folder} lacks {', '.join(missing)}; put these files there "
                f"(source: {entry['source']}) or correct the path"
            )


def _save(part: str, data: Raw, checks: ValueChecks, path: Path) -> None:
    """Write one part of a dataset, and check its values.

    If the images do not fit into memory, write them one at a time and print progress lines.
    """
    if part == "groups":
        np.save(path, np.stack(list(data.groups.values()), axis=1).astype(bool))
        return
    array = getattr(data, part)
    if part.endswith("labels"):
        np.save(path, _stored_labels(array))
    elif isinstance(array, np.ndarray):
        for _ in checks.checked(part, array):
            pass
        np.save(path, array)
    else:
        stored = np.lib.format.open_memmap(path, "w+", np.uint8, (array.count, *array.shape))
        with path.open("rb+") as file:  # a write into a map cannot report that the disk is full: it ends the process
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        for index, block in enumerate(checks.checked(part, array)):
            stored[index] = block[0]
            if index % 10_000 == 9_999:
                print(f"{part}: {index + 1:,} of {array.count:,}", flush=True)
        stored.flush()


def _stored_labels(labels: np.ndarray) -> np.ndarray:
    if np.issubdtype(labels.dtype, np.floating):
        return labels.astype(np.float32).reshape(len(labels), -1)
    return labels.astype(np.uint8 if labels.ndim == 2 else np.int64)


def _check_file(path: Path, expected: dict[str, Any]) -> None:
    remedy = f"delete {path.parent} and run again"
    if not path.exists():
        raise NoisegridError(f"{path} is missing; {remedy}")
    size = path.stat().st_size
    if size != expected["bytes"]:
        raise NoisegridError(
            f"{path} has {size} bytes instead of {expected['bytes']}, so it is truncated or changed; {remedy}"
        )
    if size <= FULL_CHECK_BYTES and sha256(path) != expected["sha256"]:
        raise NoisegridError(f"{path} does not match the checksum in its manifest; {remedy}")
