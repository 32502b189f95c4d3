"""The chunk file, in which a training job lists the outcome of each of its replicates.

For each cell, by its path, the file has the keys `weight_hashes` (number of a finished replicate -> hash of its
weights), `diverged` and `failed` (numbers of replicates without results). The key `digest` makes an edit noticeable.
This module does not import torch, so that finished replicates can be listed where nothing can be trained.
"""

import json
from collections.abc import Collection, Iterator, Set
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import write_text
from noisegrid.common.paths import StudyPaths
from noisegrid.records import belonging, record
from noisegrid.study.study import Cell, Study, digest

#: A replicate, as its cell and its number.
Numbered = tuple[Cell, int]


def replicates_of(cells: list[Cell], numbers: range) -> Iterator[Numbered]:
    """Yield those replicates of the cells whose numbers are in a range. A cell with fewer replicates has fewer."""
    for cell in cells:
        for number in numbers:
            if number < cell.replicates:
                yield cell, number


def is_finished(results: Path, cell: Cell, number: int, image: dict[str, Any] | None) -> bool:
    """Return whether a replicate is on disk and complete.

    Parameters
    ----------
    results : Path
        The folder of all results.
    cell : Cell
        The cell of the replicate.
    number : int
        The number of the replicate.
    image : dict or None
        The description of the container image that this process runs in; None outside an image.

    Raises
    ------
    NoisegridError
        If the folder is damaged, or if the replicate in it was trained with other settings or in another container
        image than those of this call.
    """
    folder = record.replicate_folder(results, cell, number)
    if not folder.exists():
        return False
    found = record.read(folder).record
    belonging.check_belongs(found, cell, folder)
    belonging.check_image(found, image, folder)
    return True


def write(
    path: Path,
    results: Path,
    replicates: list[Numbered],
    diverged: Collection[Numbered] = (),
    failed: Collection[Numbered] = (),
) -> None:
    """Write a chunk file.

    Parameters
    ----------
    path : Path
        The file to write.
    results : Path
        The folder of all results.
    replicates : list of (Cell, int)
        All replicates of the chunk. They are finished unless they diverged or failed.
    diverged, failed : collection of (Cell, int)
        The replicates without results.
    """
    cells: dict[str, dict[str, Any]] = {}
    for cell, number in replicates:
        listed = cells.setdefault(cell.path, {"weight_hashes": {}, "diverged": [], "failed": []})
        if (cell, number) in diverged:
            listed["diverged"].append(number)
        elif (cell, number) in failed:
            listed["failed"].append(number)
        else:
            folder = record.replicate_folder(results, cell, number)
            listed["weight_hashes"][str(number)] = record.read_record(folder)["weight_hash"]
    write_text(path, json.dumps({"cells": cells, "digest": digest(cells)}, indent=1) + "\n")


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Return the entries of a chunk file by the path of their cell, each with all three keys.

    Raises
    ------
    NoisegridError
        If the file is damaged or was edited.
    """
    remedy = "delete it and run Snakemake, which writes it anew from the finished replicates"
    try:
        found = json.loads(path.read_text())
        cells: dict[str, dict[str, Any]] = found["cells"]
        intact = digest(cells) == found["digest"]
    except OSError as error:
        raise NoisegridError(f"{path} cannot be read ({error.strerror}); {remedy}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise NoisegridError(f"{path} is damaged; {remedy}") from error
    if not intact:
        raise NoisegridError(f"{path} was edited: its digest does not match its content; {remedy}")
    return cells


def all_of(study: Study, results: Path) -> dict[Path, dict[str, dict[str, Any]]]:
    """Return the content of all chunk files of a study, by their path."""
    paths = StudyPaths(str(results), study.name)
    folders = [Path(paths.chunk_folder(hardware)) for hardware in study.values("hardware")]
    return {path: read(path) for folder in folders for path in sorted(folder.rglob("*.json"))}


def finished(study: Study, results: Path) -> set[Numbered]:
    """Return the replicates that chunk files list as finished."""
    by_path = {cell.path: cell for cell in study.cells}
    return {
        (by_path[name], int(number))
        for cells in all_of(study, results).values()
        for name, listed in cells.items()
        for number in listed["weight_hashes"]
        if name in by_path and int(number) < by_path[name].replicates
    }


def files_with(study: Study, results: Path, replicates: Set[Numbered]) -> list[Path]:
    """Return the paths of the chunk files that list at least one of the replicates as finished."""
    names = {(cell.path, str(number)) for cell, number in replicates}
    return [
        path
        for path, cells in all_of(study, results).items()
        if any((name, number) in names for name, listed in cells.items() for number in listed["weight_hashes"])
    ]
