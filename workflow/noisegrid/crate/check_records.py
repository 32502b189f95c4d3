"""Check the runs in a package: every replicate whole, where it belongs, with its own seeds, and counted once."""

import csv
import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from noisegrid.crate.crate import Crate
from noisegrid.crate.predictions import checked
from noisegrid.records.record import Replicate, check_belongs, read
from noisegrid.stats import predictions_of
from noisegrid.study.batch import batch_of
from noisegrid.study.seeds import derive_seeds
from noisegrid.study.sources import FREE
from noisegrid.study.study import Cell, digest

#: A replicate's number as its folder and its batch file write it.
NUMBER = re.compile(r"0|[1-9][0-9]{0,5}")


@dataclass
class Seen:
    """What replicates are held against each other by. labels: dataset digest -> digest of the labels."""

    labels: dict[str, str] = field(default_factory=dict)
    started_from: Counter = field(default_factory=Counter)
    ended_with: Counter = field(default_factory=Counter)


def records(package: Crate) -> tuple[str, Iterator[str]]:
    """Every replicate is whole, belongs to its cell, has its number's seeds, and is the run that its job listed."""
    count = sum(1 for name in package.names if name.endswith("/record.json"))

    def wrong() -> Iterator[str]:
        unfinished, labels = 0, dict[str, str]()
        for cell in package.cells:
            listed, problems = _listed(package, cell)
            yield from problems
            unfinished += max(0, cell.replicates - len(listed))
            yield from _cell(package, cell, listed, Seen(labels))
        if unfinished and package.about["finished"]:
            yield f"{unfinished} replicates are in no batch file, and the package says that the study is finished"
        elif unfinished:
            package.note(f"the study is partly finished: {unfinished} replicates are in no batch file")

    return f"{count} replicates of {len(package.cells)} cells", wrong()


def _listed(package: Crate, cell: Cell) -> tuple[dict[str, str | None], list[str]]:
    """Number -> weight hash of a cell's replicates as their jobs listed them (None: did not finish); what is odd."""
    found, odd = dict[str, str | None](), list[str]()
    for path in package.batches(cell):
        batch = json.loads(path.read_text())["cells"][cell.noise]
        numbered = batch_of(path.stem).numbers
        numbers = [*batch["weight_hashes"].items()]
        numbers += [(str(number), None) for fate in ("diverged", "failed") for number in batch[fate]]
        for number, weight_hash in numbers:
            if not NUMBER.fullmatch(number) or int(number) not in numbered or int(number) >= cell.replicates:
                odd.append(f"batch {path.stem} lists replicate {number} of {cell.path}, which is none of its own")
            elif number in found:
                odd.append(f"replicate {number} of {cell.path} is listed twice")
            found[number] = weight_hash
    return found, odd


def _cell(package: Crate, cell: Cell, listed: dict[str, str | None], seen: Seen) -> Iterator[str]:
    present = {path.name: path for path in (package.results / "replicates" / cell.path).glob("*")}
    for number in sorted(listed.keys() - present.keys(), key=int):
        if listed[number] is not None:
            yield f"replicate {number} of {cell.path} is missing; its job's batch file lists it"
    for number, folder in sorted(present.items()):
        where = f"replicate {number} of {cell.path}"
        try:
            found = read(folder, package.left_out)
            yield from (f"{where} {why}" for why in _wrong(package, cell, number, found, listed, seen))
        except Exception as error:  # a package may hold anything
            yield f"{where}: {package.words(error)}"
    yield from _copies(cell, seen)


def _wrong(
    package: Crate, cell: Cell, number: str, found: Replicate, listed: dict[str, str | None], seen: Seen
) -> Iterator[str]:
    """What is wrong with one replicate whose files are whole."""
    record = found.record
    names = {"study": cell.study, "hardware": cell.hardware, "task": cell.task, "noise": cell.noise}
    if str(record["replicate"]) != number or record["cell"] != names:
        yield f"is replicate {record['replicate']} of {'/'.join(map(str, record['cell'].values()))} (swapped?)"
        return
    check_belongs(record, cell, found.folder)
    if digest(record["settings"]) != record["settings_digest"]:
        yield "did not have the settings that its digest states"
    if record["seeds"] != derive_seeds(int(package.about["seed"]), cell.task, cell.noise, int(number), cell.seed_sets):
        yield "did not have the seeds of its number"
    if number in listed and listed[number] != record["weight_hash"]:
        yield "is not the run that its job's batch file lists"
    if found.has_weights and _digest(found.weights().tobytes()) != record["weight_hash"]:
        yield "does not have the weights whose hash its record states"
    yield from _results(found, seen)
    seen.started_from[record["initial_weight_hash"]] += 1
    seen.ended_with[record["weight_hash"]] += 1
    if package.source_digest != record["code"]["source_digest"]:
        commit = record["code"]["git_commit"]
        package.note(f"some runs were trained by other code than the package holds (their commit: {commit})")


def _results(found: Replicate, seen: Seen) -> Iterator[str]:
    """Its predictions are whole, of the same images as others', and give what its record says of them."""
    arrays, record = checked(found), found.record
    labels, stated = arrays["label"], record["results"]
    of_labels = _digest(labels.tobytes())
    if seen.labels.setdefault(record["dataset"]["digest"], of_labels) != of_labels:
        yield "has other labels than the first run on the same dataset"
    accuracy = 100 * float((predictions_of(arrays["logits"], labels) == labels).mean())
    if not math.isclose(accuracy, stated["test_accuracy_percent"], abs_tol=1e-9):
        yield f"states an accuracy of {stated['test_accuracy_percent']} %, and its predictions give {accuracy} %"
    with (found.folder / "history.csv").open(newline="") as file:
        epochs = list(csv.DictReader(file))
    last = float(epochs[-1]["train_loss_nats"]) if epochs else math.nan
    if len(epochs) != record["settings"]["task"]["epochs"] or last != stated["train_loss_nats"]:
        yield "has a history that does not end as its record says"


def _copies(cell: Cell, seen: Seen) -> Iterator[str]:
    """Runs from other seeds are other runs: equal bits would mean that one was counted twice."""
    if "init" in FREE[cell.noise] and any(count > 1 for count in seen.started_from.values()):
        yield f"{cell.path}: replicates with other seeds of initialisation started from the same weights"
    if not FREE[cell.noise].isdisjoint({"init", "order"}) and any(count > 1 for count in seen.ended_with.values()):
        yield f"{cell.path}: replicates with other seeds ended with the same weights"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
