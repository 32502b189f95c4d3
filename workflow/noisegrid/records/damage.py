"""Find finished replicates that are missing or damaged on disk, and set them aside so that they are trained again.

The quick check compares the size of every file with the size in the record. The deep check also compares checksums,
and therefore reads every byte. Neither changes anything; `set_aside` does.
"""

import json
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import checksum_file
from noisegrid.common.paths import StudyPaths
from noisegrid.common.schemas import schema
from noisegrid.records import chunk_file, record
from noisegrid.records.chunk_file import Numbered
from noisegrid.study.study import Study

#: The number of damaged replicates that a message names.
NAMED = 3


@dataclass(frozen=True)
class Damaged:
    """A replicate that should be complete and is not.

    Attributes
    ----------
    replicate : tuple of Cell and int
        The cell and the number of the replicate.
    folder : Path
        The folder of the replicate.
    why : str
        What is wrong, to be read after the folder's name.
    """

    replicate: Numbered
    folder: Path
    why: str


def damage_of(folder: Path, deep: bool = False) -> str:
    """Return what is wrong with the folder of a finished replicate, or an empty string if nothing is.

    Parameters
    ----------
    folder : Path
        The folder of the replicate.
    deep : bool
        Whether to compare checksums too.
    """
    if not folder.is_dir():
        return "is missing"
    try:
        files = json.loads((folder / "record.json").read_text())["files"]
        sizes = {name: entry["bytes"] for name, entry in files.items()}
    except OSError as error:
        return f"has no readable record.json ({error.strerror})"
    except (ValueError, KeyError, TypeError, AttributeError):
        return "has a damaged record.json"
    known = schema("record")["properties"]["files"]["propertyNames"]["enum"]
    if not all(name in known and isinstance(size, int) for name, size in sizes.items()):
        return "has a damaged record.json"
    for name, size in sizes.items():
        path = folder / name
        if not path.is_file():
            return f"lacks {name}"
        if path.stat().st_size != size:
            return f"is damaged: {name} has {path.stat().st_size:,} bytes instead of {size:,}"
    if deep:
        try:
            record.read(folder)
        except NoisegridError as error:
            return f"is damaged: {str(error).partition(';')[0]}"
    return ""


def damaged(study: Study, results: Path, deep: bool = False) -> Iterator[Damaged]:
    """Yield the damaged replicates of a study, and those that a chunk file lists as finished although they are missing.

    A study without the folder `replicates` has none: its metrics are used as they are.
    """
    if not (Path(StudyPaths(str(results), study.name).folder) / "replicates").is_dir():
        return
    listed = chunk_file.finished(study, results)
    for cell in study.cells:
        for number in range(cell.replicates):
            folder = record.replicate_folder(results, cell, number)
            expected = (cell, number) in listed or folder.exists()
            if expected and (why := damage_of(folder, deep)):
                yield Damaged((cell, number), folder, why)


def check_intact(study: Study, results: Path) -> None:
    """Refuse to start with damaged replicates, by the quick check.

    Raises
    ------
    NoisegridError
        If a replicate is missing or damaged. The message names the command with which it is trained again.
    """
    found = list(damaged(study, results))
    if found:
        named = "; ".join(f"{one.folder} {one.why}" for one in found[:NAMED])
        more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
        source, folder = shlex.quote(str(study.source)), shlex.quote(str(results))
        raise NoisegridError(
            f"{named}{more}. To train again what is missing or damaged, run `noisegrid repair {source}"
            + (f" --results {folder}" if str(results) != "results" else "")
            + "`, and then this command again"
        )


def set_aside(study: Study, results: Path) -> list[Damaged]:
    """Make the next run train all damaged replicates of a study again, and return them.

    The folder of a damaged replicate is renamed; it is deleted when the replicate has been trained again. The chunk
    files that list damaged replicates are deleted, so that their jobs run again. These jobs keep all other replicates.
    Metrics that were computed from damaged replicates are deleted too: Snakemake makes a missing file again only if
    everything that is made of it is missing as well.
    """
    found = list(damaged(study, results, deep=True))
    for one in found:
        if one.folder.exists():
            aside = record.damaged_folder(one.folder)
            shutil.rmtree(aside, ignore_errors=True)
            one.folder.rename(aside)
    for path in chunk_file.files_with(study, results, {one.replicate for one in found}):
        path.unlink()
    for path in _metrics_of(found, StudyPaths(str(results), study.name)):
        path.unlink(missing_ok=True)
        checksum_file(path).unlink(missing_ok=True)
    return found


def _metrics_of(found: list[Damaged], paths: StudyPaths) -> set[Path]:
    """Return the paths of the metrics that depend on damaged replicates."""
    cells = [one.replicate[0] for one in found]
    files = {paths.task_metrics(cell.hardware, cell.task) for cell in cells} | {
        paths.across(cell.task) for cell in cells
    }
    return {Path(file) for file in files | ({paths.metrics, paths.versus} if found else set())}
