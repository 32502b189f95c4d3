"""Compare the replicates of a cell in two crates: their weights and, where these are equal, their predictions."""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError
from noisegrid.crate.archive import same_bytes
from noisegrid.crate.crate import Crate
from noisegrid.crate.limits import RECORD_BYTES, read_json
from noisegrid.crate.predictions import checked
from noisegrid.records.predictions import LOGITS, agree
from noisegrid.records.record import Replicate
from noisegrid.study.study import Cell

#: What must be equal where the weights are, as far as both crates have it.
ARRAYS = {
    "label": "labels",
    "logits": "logits",
    "midpoint_logits": "logits after half of the epochs",
    "predicted": "predictions",
    "midpoint_predicted": "predictions after half of the epochs",
}


@dataclass(frozen=True)
class Runs:
    """The replicates of a cell in two crates.

    Attributes
    ----------
    shared : int
        The number of replicates that both crates have.
    equal : int
        How many of these end with equal weights.
    all_equal : bool
        Whether both crates have the same replicates, and all of them end with equal weights.
    contradictions : list of str
        A sentence for each replicate with equal weights whose predictions or labels are not equal.
    """

    shared: int
    equal: int
    all_equal: bool
    contradictions: list[str]


def runs_of(first: Crate, mine: Cell | None, second: Crate, yours: Cell | None) -> Runs:
    """Compare the replicates of a cell in two crates, of which one may not have the cell."""
    if mine is None or yours is None:
        return Runs(0, 0, False, [])
    hashes = [dict(_hashes(crate, cell)) for crate, cell in ((first, mine), (second, yours))]
    shared = sorted(hashes[0].keys() & hashes[1].keys(), key=int)
    equal = [number for number in shared if hashes[0][number] == hashes[1][number]]
    contradictions = list[str]()
    for number in equal:
        folders = [_folder(crate, cell) / number for crate, cell in ((first, mine), (second, yours))]
        if parts := list(_unequal(*folders)):
            contradictions.append(f"{mine.path}/{number}: the weights are equal, but not the {' and '.join(parts)}")
    return Runs(len(shared), len(equal), hashes[0] == hashes[1] and len(hashes[0]) > 0, contradictions)


def _folder(crate: Crate, cell: Cell) -> Path:
    return Path(crate.paths.replicates(cell.path))


def _hashes(crate: Crate, cell: Cell) -> Iterator[tuple[str, str]]:
    for path in sorted(_folder(crate, cell).glob("*/record.json")):
        name = f"{crate.path}: {path.relative_to(crate.folder)}"
        record = read_json(path, name, RECORD_BYTES)
        weight_hash = record.get("weight_hash") if isinstance(record, dict) else None
        if not re.fullmatch("[0-9a-f]{64}", str(weight_hash)):
            raise NoisegridError(f"{name} has no hash of its weights; for details, run: noisegrid verify {crate.path}")
        yield path.parent.name, str(weight_hash)


def _unequal(first: Path, second: Path) -> Iterator[str]:
    """Yield what differs between the predictions.npz of two replicates by more than rounding."""
    files = [folder / "predictions.npz" for folder in (first, second)]
    if missing := [path for path in files if not path.is_file()]:
        where = "/".join(missing[0].parts[-5:])
        raise NoisegridError(f"{where} is missing from one of the packages; for details, run noisegrid verify on each")
    if same_bytes(*files):
        return
    mine, yours = (_arrays(folder) for folder in (first, second))
    shared = mine.keys() & yours.keys()
    for name, words in ARRAYS.items():
        # predictions follow from logits, whose rounding may decide between two classes that are as likely
        if name in shared and LOGITS.get(name) not in shared and not agree(mine[name], yours[name]):
            yield words


def _arrays(folder: Path) -> dict[str, Any]:
    try:
        return checked(Replicate(folder, {}))
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
        where = "/".join(folder.parts[-4:])
        raise NoisegridError(
            f"{where}/predictions.npz cannot be read in one of the packages; for details, run noisegrid verify on each"
        ) from error
