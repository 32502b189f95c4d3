"""Crates of noisegrid, whose author may not be trusted: only the replicates of one cell are unpacked, one at a time."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from noisegrid.common import versions
from noisegrid.common.errors import NoisegridError
from noisegrid.crate import archive
from noisegrid.crate.limits import CELL_LABELS, REPLICATES, check_count, read_json
from noisegrid.crate.printing import line
from noisegrid.reading import replicates, study_cells
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import Choice, Format, Table


def recognizes(path: Path) -> bool:
    """Return whether a path is a file with the name of a crate."""
    return path.name.endswith(".crate.zip") and path.is_file()


def read(path: Path, choice: Choice) -> list[Table]:
    """Read the predictions of the replicates of one cell.

    Raises
    ------
    CannotJudge
        If the file is no crate or is not safe to unpack, if a replicate is damaged or has no result, if there are
        several cells of which none is chosen, or if replicates share seeds.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place).resolve()
        try:
            return _tables(path, folder, choice)
        except CannotJudge:
            raise
        except NoisegridError as error:
            words = str(error).replace(f"{folder}/", "")
            raise CannotJudge(line(words if words.startswith(str(path)) else f"{path}: {words}")) from error


def _tables(path: Path, folder: Path, choice: Choice) -> list[Table]:
    """Read a crate, of which no more than necessary is in the given folder at a time."""
    from noisegrid.crate.crate import ABOUT  # this imports the JSON schemas, which other formats do not need

    _unpack(path, folder, lambda name: name == ABOUT or name.endswith(f"/{replicates.RECORD}") or "/chunks/" in name)
    if not (folder / ABOUT).is_file():
        raise NoisegridError(f"this is not a crate of noisegrid: it has no {ABOUT}")
    about = read_json(folder / ABOUT, ABOUT)
    version = about.get("format", 1) if isinstance(about, dict) else None
    versions.check_version(version, versions.CRATE, f"{path}, a crate of a study,")
    found = study_cells.chosen(replicates.find(folder / "results"), choice.where, str(path))
    if not found:
        raise NoisegridError("this crate has no replicates; package the study again when some are finished")
    replicates.check_complete(found, choice.where)
    check_count("replicates of a cell", len(found), REPLICATES)
    tables, labels = list[Table](), 0
    for each in found:
        file = each.folder / replicates.PREDICTIONS
        _unpack(path, folder, file.relative_to(folder).as_posix().__eq__)
        try:
            tables.append(replicates.table(each, str(path)))
        except NoisegridError as error:
            what = str(error).partition(";")[0]
            raise NoisegridError(f"{what}; `noisegrid verify` says what else is wrong with this crate") from error
        file.unlink()
        labels += len(tables[-1].columns["accuracy"])
        check_count("labels of all replicates of a cell", labels, CELL_LABELS)
    return tables


def _unpack(path: Path, folder: Path, wanted: Callable[[str], bool]) -> None:
    if damage := archive.unpack(path, folder, wanted):
        raise NoisegridError(f"{damage[0]}; copy the crate again")


FORMAT = Format("crate of noisegrid", recognizes, read)
