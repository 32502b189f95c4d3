"""Check the runs in a package, and count its metrics again from their predictions."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from noisegrid import across
from noisegrid.artifact.numbers import differences, rows_of
from noisegrid.artifact.opened import Opened
from noisegrid.errors import NoisegridError
from noisegrid.measure import check_together, csv_of, load_replicates, measure
from noisegrid.record import check_belongs, read
from noisegrid.seeds import derive_seeds
from noisegrid.sources import source_digest
from noisegrid.study import Cell, digest

KEYS = ("hardware", "task", "noise", "metric", "group")
#: Metrics of the weights, which a package usually leaves out.
NEED_WEIGHTS = ("l2_", "artifact_l2_half")


def records(package: Opened) -> tuple[str, Iterator[str]]:
    """Every replicate is whole, belongs to its cell, has its number's seeds, and is the run that its job listed."""
    count = sum(1 for name in package.names if name.endswith("/record.json"))

    def wrong() -> Iterator[str]:
        unfinished = 0
        for cell in package.cells:
            listed = dict(_listed(package, cell))
            unfinished += cell.replicates - len(listed)
            present = {path.name: path for path in (package.results / "replicates" / cell.path).glob("*")}
            for number in sorted(listed.keys() - present.keys(), key=int):
                if listed[number] is not None:
                    yield f"replicate {number} of {cell.path} is missing; its job's batch file lists it"
            for number, folder in sorted(present.items()):
                yield from _replicate(package, cell, number, folder, listed)
        known = {cell.path for cell in package.cells}
        for path in (package.results / "replicates").glob("*/*/*"):
            if (place := str(path.relative_to(package.results / "replicates"))) not in known:
                yield f"replicates/{place} is no cell of this study"
        if unfinished:
            package.notes.append(f"the study is partly finished: {unfinished} replicates are in no batch file")

    return f"{count} replicates of {len(package.cells)} cells", wrong()


def _listed(package: Opened, cell: Cell) -> Iterator[tuple[str, str | None]]:
    """Number -> weight hash of a cell's replicates as their jobs listed them; None for those that did not finish."""
    for path in package.batches(cell):
        batch = json.loads(path.read_text())["cells"][cell.noise]
        yield from batch["weight_hashes"].items()
        yield from ((str(number), None) for fate in ("diverged", "failed") for number in batch[fate])


def _replicate(package: Opened, cell: Cell, number: str, folder: Path, listed: dict[str, str | None]) -> Iterator[str]:
    where = f"replicate {number} of {cell.path}"
    try:
        found = read(folder, package.left_out).record
        check_belongs(found, cell, folder)
    except NoisegridError as error:
        yield f"{where}: {package.words(error)}"
        return
    if str(found["replicate"]) != number or found["cell"]["noise"] != cell.noise:
        yield f"{where} is replicate {found['replicate']} of {'/'.join(map(str, found['cell'].values()))} (swapped?)"
        return
    if digest(found["settings"]) != found["settings_digest"]:
        yield f"{where} did not have the settings that its digest states"
    if found["seeds"] != derive_seeds(int(package.about["seed"]), cell.task, cell.noise, int(number), cell.pairs):
        yield f"{where} did not have the seeds of its number"
    if number in listed and listed[number] != found["weight_hash"]:
        yield f"{where} is not the run that its job's batch file lists"
    for why in _compressed(folder / "predictions.npz"):
        yield f"{where}: {why}"
    mine = source_digest(package.folder / "code" / "workflow" / "noisegrid")
    if mine != found["code"]["source_digest"]:
        commit = found["code"]["git_commit"]
        package.notes.append(f"some runs were trained by other code than the package holds (their commit: {commit})")
        package.notes[:] = dict.fromkeys(package.notes)


def _compressed(path: Path) -> Iterator[str]:
    """Arrays are stored as they are: what is compressed could grow without bound when it is read."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    whole = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
    if not whole or sum(entry.file_size for entry in entries) > path.stat().st_size:
        yield f"{path.name} is compressed, and is not read"


def recount(package: Opened) -> tuple[str, Iterator[str]]:
    """Every metric of every cell, and of the comparisons of hardware, again from the predictions."""
    counted = {"numbers": 0, "weights": 0}
    wrong = [problem for name, rows in _again(package) for problem in _held(package, name, rows, counted)]
    cells = len(list((package.results / "cells").rglob("*.csv")))
    text = f"{counted['numbers']:,} rows of {cells} cells counted again"
    if counted["weights"]:
        text += f"; {counted['weights']} rows need the weights, which are left out"
    return text, iter(wrong)


def _again(package: Opened) -> Iterator[tuple[str, list[dict[str, Any]] | Exception]]:
    """Name of a metrics file -> its rows, counted again (or why that cannot be)."""
    loaded = {}
    for cell in package.cells:
        if not package.batches(cell):
            continue
        try:
            loaded[cell] = load_replicates(cell, package.batches(cell), package.folder / "results", package.left_out)
            for replicate in loaded[cell][0]:
                for why in _compressed(replicate.folder / "predictions.npz"):
                    raise NoisegridError(f"{cell.path}: {why}")
            check_together(cell, loaded[cell][0])
            yield f"cells/{cell.path}.csv", measure(cell, *loaded[cell])
        except Exception as error:  # a package may hold anything
            loaded.pop(cell, None)
            yield f"cells/{cell.path}.csv", error
    for task, noise in dict.fromkeys((cell.task, cell.noise) for cell in package.cells):
        of_task = [(cell, loaded[cell][0]) for cell in loaded if (cell.task, cell.noise) == (task, noise)]
        if (package.results / f"across/{task}/{noise}.csv").is_file():
            yield f"across/{task}/{noise}.csv", across.compare_all(of_task)


def _held(package: Opened, name: str, rows: list[dict[str, Any]] | Exception, counted: dict[str, int]) -> Iterator[str]:
    """Hold what was counted again against the file in the package."""
    path = package.results / name
    if isinstance(rows, Exception):
        yield f"{name} cannot be counted again: {package.words(rows)}"
        return
    if not path.is_file():
        package.notes.append(f"{name} was not measured yet")
        return
    packaged, again = rows_of(path.read_text(), KEYS), rows_of(csv_of(rows), KEYS)
    counted["numbers"] += len(again)
    for key in [key for key in packaged if key not in again and key[3].startswith(NEED_WEIGHTS)]:
        counted["weights"] += 1
        del packaged[key]
    yield from differences(packaged, again, name)
