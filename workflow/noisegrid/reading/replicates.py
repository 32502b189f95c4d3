"""Replicates of noisegrid on disk: the folder of one, or any folder above it up to that of all results."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from noisegrid.common import versions
from noisegrid.common.errors import NoisegridError
from noisegrid.common.paths import StudyPaths
from noisegrid.crate.limits import CHUNK_BYTES, RECORD_BYTES, read_json
from noisegrid.reading import study_cells
from noisegrid.reading.table import Choice, Format, Table
from noisegrid.reading.visible import visible

Array = np.ndarray
RECORD, PREDICTIONS = "record.json", "predictions.npz"
#: Where replicates are below a folder: that of one replicate, of its noise, task and hardware, of all replicates, of
#: the study, and of all results.
PLACES = ("", "*/", "*/*/", "*/*/*/", "*/*/*/*/", "replicates/*/*/*/*/", "*/replicates/*/*/*/*/")
_FAILED = re.compile(r"\.(\d+)\.failed")


@dataclass(frozen=True)
class Stored:
    """A replicate of which only the names and the seed set have been read."""

    folder: Path
    constants: dict[str, str]


def recognizes(path: Path) -> bool:
    """Return whether a path is a folder with a replicate in it, at one of the usual places."""
    first = next(_folders(path), None) if path.is_dir() else None
    if first is None:
        return False
    with (first / RECORD).open("rb") as file:
        return b'"noisegrid"' in file.read(500)


def read(path: Path, choice: Choice) -> list[Table]:
    """Read the predictions of the replicates of one cell.

    Raises
    ------
    CannotJudge
        If a replicate is damaged or has no result, if there are several cells of which none is chosen, or if replicates
        share seeds.
    """
    with study_cells.as_cannot_judge():
        found = study_cells.chosen(find(path), choice.where, str(path))
        if found[0].folder != path:
            check_complete(found, choice.where)
        return [table(each, str(each.folder)) for each in found]


def _folders(path: Path) -> Iterator[Path]:
    """Yield the folders of replicates. Hidden ones are those of damaged and of unfinished replicates."""
    return (file.parent for place in PLACES for file in visible(path, place + RECORD))


def find(path: Path) -> list[Stored]:
    """Return the replicates in and below a folder, in the order of their numbers."""
    found = [_stored(folder) for folder in sorted(set(_folders(path)))]
    return sorted(found, key=lambda each: int(each.constants["replicate"]))


def _stored(folder: Path) -> Stored:
    name = str(folder / RECORD)
    document = read_json(folder / RECORD, name, RECORD_BYTES)
    try:
        versions.check_version(document.get("format", 1), versions.RECORD, f"{name}, the record of a replicate,")
        cell, settings = document["cell"], document["settings"]
        names = {key: str(cell[key]) for key in study_cells.CELL}
        constants = study_cells.described(names, int(document["replicate"]), int(settings.get("seed_sets", 1)))
    except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise NoisegridError(f"{name} is damaged, or is no record of a replicate; leave it out") from error
    return Stored(folder, constants)


def check_complete(found: Sequence[Stored], where: Sequence[tuple[str, str]]) -> None:
    """Raise CannotJudge if other replicates of a cell diverged or failed, unless its finished ones are chosen."""
    folder = found[0].folder.resolve().parent
    failed = (_FAILED.fullmatch(path.name) for path in folder.iterdir())
    lost = {"diverged": set[int](), "failed": {int(match[1]) for match in failed if match}}
    if folder.parents[2].name == "replicates":
        for listed in _listings(folder):
            for fate, numbers in lost.items():
                numbers |= {number for number in listed[fate] if not (folder / str(number)).exists()}
    study_cells.check_complete(found[0].constants, {fate: sorted(lost[fate]) for fate in lost}, where)


def _listings(folder: Path) -> Iterator[dict[str, list[int]]]:
    """Yield the lost replicates that the chunk files of a study list for the cell with the given folder."""
    *_, study, _, hardware, task, noise = folder.parts
    chunks = Path(StudyPaths(str(folder.parents[4]), study).chunk_folder(hardware))
    for path in sorted(chunks.rglob("*.json")):
        try:
            listed = read_json(path, str(path), CHUNK_BYTES)["cells"].get(f"{hardware}/{task}/{noise}")
            if listed is not None:
                yield {fate: [int(number) for number in listed[fate]] for fate in ("diverged", "failed")}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise NoisegridError(f"{path} is damaged; delete it and run Snakemake, which writes it anew") from error


def table(stored: Stored, origin: str) -> Table:
    """Read the predictions of a replicate: with attributes, the score of an example is the share of correct ones."""
    from noisegrid.crate.predictions import checked  # these import the JSON schemas, which other formats do not need
    from noisegrid.records import record

    try:
        arrays = checked(record.read(stored.folder, only=(PREDICTIONS,)))
    except (OSError, ValueError, KeyError) as error:
        raise NoisegridError(f"{stored.folder / PREDICTIONS} is damaged; {record.REPAIR}") from error
    label, predicted = arrays["label"], arrays["predicted"]
    columns: dict[str, Array] = {"example_id": arrays["example_id"]}
    if label.ndim == 1:
        columns |= {"accuracy": predicted == label, "predicted": predicted, "label": label}
    else:
        columns["accuracy"] = (predicted == label).mean(axis=1)
    return Table(origin, columns, stored.constants)


FORMAT = Format("replicates of noisegrid", recognizes, read)
