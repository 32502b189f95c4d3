"""Check that each replicate of a crate is complete, is in the right cell, has the right seeds, and occurs once."""

import csv
import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from noisegrid.crate.crate import ABSENT, Crate
from noisegrid.crate.limits import RECORD_BYTES, read_json
from noisegrid.crate.possible import wrong_record
from noisegrid.crate.predictions import checked
from noisegrid.records.belonging import check_belongs
from noisegrid.records.predictions import results
from noisegrid.records.record import Replicate, read
from noisegrid.study.seeds import derive_seeds
from noisegrid.study.study import Cell, digest

#: The number of a replicate, as written in the folder name of the replicate and in the chunk file.
NUMBER = re.compile(r"0|[1-9][0-9]{0,5}")

#: What the results of a record are called, and their unit.
RESULTS = {"test_accuracy_percent": ("an accuracy", " %"), "test_rmse": ("an RMSE", "")}


@dataclass
class Seen:
    """Values of the replicates checked so far, for comparison with later replicates.

    Attributes
    ----------
    labels : dict
        Digest of a dataset -> digest of the test labels of that dataset.
    started_from, ended_with : Counter
        Hash of the initial or final weights -> number of replicates of the cell with this hash.
    """

    labels: dict[str, str] = field(default_factory=dict)
    started_from: Counter = field(default_factory=Counter)
    ended_with: Counter = field(default_factory=Counter)


def records(crate: Crate) -> tuple[str, Iterator[str]]:
    """Check that every replicate is complete, is in the right cell, has the right seeds, and is in a chunk file."""
    count = sum(1 for name in crate.names if name.endswith("/record.json"))

    def wrong() -> Iterator[str]:
        unfinished, labels = 0, dict[str, str]()
        for cell in crate.cells:
            listed, problems = _listed(crate, cell)
            yield from problems
            unfinished += max(0, cell.replicates - len(listed))
            yield from _cell(crate, cell, listed, Seen(labels))
        if unfinished and crate.about["finished"]:
            yield f"{unfinished} replicates are in no chunk file, but the crate states that the study is finished"
        elif unfinished:
            crate.note(f"the study is partly finished: {unfinished} replicates are in no chunk file")

    return f"{count} replicates of {len(crate.cells)} cells" if count else ABSENT, wrong()


def _listed(crate: Crate, cell: Cell) -> tuple[dict[str, str | None], list[str]]:
    """Read the chunk files that list replicates of a cell.

    Returns
    -------
    dict of str to (str or None)
        Number of a listed replicate -> weight hash, or None if the replicate diverged or failed.
    list of str
        A sentence for each problem found.
    """
    found, odd = dict[str, str | None](), list[str]()
    for listing in crate.listings[cell]:
        chunk = listing.chunk
        numbers: list[tuple[str, str | None]] = [*listing.weight_hashes.items()]
        numbers += [(str(number), None) for number in (*listing.diverged, *listing.failed)]
        for number, weight_hash in numbers:
            if not NUMBER.fullmatch(number) or int(number) not in chunk.numbers or int(number) >= cell.replicates:
                odd.append(f"replicate {number} of {cell.path} does not belong in the chunk {chunk.name} that lists it")
            elif number in found:
                odd.append(f"replicate {number} of {cell.path} is listed twice")
            found[number] = weight_hash
    return found, odd


def _cell(crate: Crate, cell: Cell, listed: dict[str, str | None], seen: Seen) -> Iterator[str]:
    present = {path.name: path for path in Path(crate.paths.replicates(cell.path)).glob("*")}
    for number in sorted(listed.keys() - present.keys(), key=int):
        if listed[number] is not None:
            yield f"replicate {number} of {cell.path} is missing, although the chunk file of its job lists it"
    for number, folder in sorted(present.items()):
        where = f"replicate {number} of {cell.path}"
        try:
            read_json(folder / "record.json", "record.json", RECORD_BYTES)
            found = read(folder, crate.left_out)
            yield from (f"{where} {why}" for why in _wrong(crate, cell, number, found, listed, seen))
        except Exception as error:  # a crate may contain anything
            yield f"{where}: {crate.words(error)}"
    yield from _copies(cell, seen)


def _wrong(
    crate: Crate, cell: Cell, number: str, found: Replicate, listed: dict[str, str | None], seen: Seen
) -> Iterator[str]:
    """Yield a text for each problem of a replicate whose files are complete.

    The caller writes the name of the replicate in front of each text.
    """
    record = found.record
    names = {"study": cell.study, "hardware": cell.hardware, "task": cell.task, "noise": cell.noise}
    if str(record["replicate"]) != number or record["cell"] != names:
        yield f"is replicate {record['replicate']} of {'/'.join(map(str, record['cell'].values()))} (swapped?)"
        return
    check_belongs(record, cell, found.folder)
    yield from wrong_record(record, cell)
    if digest(record["settings"]) != record["settings_digest"]:
        yield "has settings that do not match their digest"
    where = int(crate.about["seed"]), cell.task, cell.noise, int(number)
    if record["seeds"] != derive_seeds(*where, cell.seed_sets, cell.crossed):
        yield "does not have the seeds of its number"
    if number in listed and listed[number] != record["weight_hash"]:
        yield "is not the replicate that the chunk file of its job lists"
    if found.has("weights") and _digest_of(found.weights()) != record["weight_hash"]:
        yield "has weights that do not match the hash in its record"
    yield from _results(found, seen)
    seen.started_from[record["initial_weight_hash"]] += 1
    seen.ended_with[record["weight_hash"]] += 1
    digests = crate.code_digests(cell.settings["task"]["build"])
    if digests and any(record["code"][key] != value for key, value in digests.items()):
        commit = record["code"]["git_commit"]
        crate.note(
            f"some replicates were trained with code that differs from the code in the crate (their commit: {commit})"
        )


def _results(found: Replicate, seen: Seen) -> Iterator[str]:
    """Compare a replicate's labels with those of other replicates, and its accuracy and history with its record."""
    arrays, record = checked(found), found.record
    labels, stated = arrays["label"], record["results"]
    of_labels = _digest(labels.tobytes())
    if seen.labels.setdefault(record["dataset"]["digest"], of_labels) != of_labels:
        yield "has labels that differ from those of the first replicate on the same dataset"
    for name, value in results(arrays["predicted"], labels).items():
        if not math.isclose(value, stated.get(name, math.nan), abs_tol=1e-9):
            what, unit = RESULTS[name]
            yield f"states {what} of {stated.get(name)}{unit}, but its predictions give {value}{unit}"
    epochs, last = 0, math.nan
    with (found.folder / "history.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            epochs, last = epochs + 1, float(row["train_loss"])
    if epochs != record["settings"]["task"]["epochs"] or last != stated["train_loss"]:
        yield "has a history that does not match its record"


def _copies(cell: Cell, seen: Seen) -> Iterator[str]:
    """Yield a sentence if replicates with different seeds have equal weights: one run may have been counted twice.

    In a crossed cell, replicates with the same level of a source have the same seed of it.
    """
    sharing = math.prod(count for source, count in cell.crossed.items() if source != "init")
    if "init" in cell.free and any(count > sharing for count in seen.started_from.values()):
        yield f"{cell.path}: replicates with different seeds of initialisation started from the same weights"
    sharing = math.prod(count for source, count in cell.crossed.items() if source not in ("init", "order"))
    if not cell.free.isdisjoint({"init", "order"}) and any(count > sharing for count in seen.ended_with.values()):
        yield f"{cell.path}: replicates with different seeds ended with the same weights"


def _digest_of(vector: np.ndarray, block: int = 1 << 20) -> str:
    """Return the SHA-256 of the bytes of a vector, which may be larger than the memory."""
    found = hashlib.sha256()
    for start in range(0, len(vector), block):
        found.update(vector[start : start + block].tobytes())
    return found.hexdigest()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
