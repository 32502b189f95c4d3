"""A package that was opened: its files in a temporary folder, its design, and what the opening found."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from noisegrid.artifact import archive
from noisegrid.documents import check
from noisegrid.errors import NoisegridError
from noisegrid.study import FREE, Cell

#: The design, the checksum of every other file, and the RO-Crate's description.
ABOUT, CHECKSUMS, METADATA = "noisegrid.json", "checksums.sha256", "ro-crate-metadata.json"
#: What of a replicate is left out unless it is asked for.
WEIGHTS = ("weights.npy", "half_weights.npy")


@dataclass
class Opened:
    """path: the zip; folder: where its files are; damage: what is wrong with the zip itself; notes: for the reader."""

    path: Path
    folder: Path
    about: dict[str, Any]
    damage: list[str]
    notes: list[str] = field(default_factory=list)

    @cached_property
    def names(self) -> set[str]:
        """Every file in the package."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}

    @cached_property
    def cells(self) -> list[Cell]:
        """The design, as the package spells it out; no catalog of this installation is asked."""
        return [
            Cell(self.about["study"], c["hardware"], c["task"], c["noise"], c["replicates"], c["settings"])
            for c in self.about["cells"]
        ]

    @property
    def results(self) -> Path:
        """The results folder of the study."""
        return self.folder / "results" / str(self.about["study"])

    @property
    def left_out(self) -> tuple[str, ...]:
        """Files that a record lists and that need not be here."""
        return () if self.about["weights"] else WEIGHTS

    @property
    def title(self) -> str:
        """What this is a package of."""
        about, count = self.about, sum(cell.replicates for cell in self.cells)
        state = "" if about["finished"] else ", partly finished"
        commit = f", commit {about['commit'][:12]}" if about["commit"] else ""
        words = f"{len(self.cells)} cells, {count} replicates planned{state}"
        return f"{self.path.name}: study {about['study']}, {words}; noisegrid {about['noisegrid']}{commit}"

    def checksums(self) -> dict[str, str]:
        """Name -> SHA-256, as the package states them."""
        lines = (self.folder / CHECKSUMS).read_text().splitlines()
        return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}

    def batches(self, cell: Cell) -> list[Path]:
        """The batch files of a cell's task, first replicates first."""
        found = (self.results / "batches" / cell.hardware / cell.task).glob("*.json")
        return sorted(found, key=lambda path: int(path.stem.partition("-")[0]))

    def words(self, error: Exception) -> str:
        """An error in words that name files as the package does."""
        text = str(error) if isinstance(error, NoisegridError) else f"{type(error).__name__}: {error}"
        return text.replace(f"{self.folder}/", "")


def opened(path: Path, place: Path) -> Opened:
    """Unpack a package below an empty folder. Raises NoisegridError if it is none, or not safe to open."""
    folder = place / "package"
    folder.mkdir()
    damage = archive.unpack(path, folder)
    if not (folder / ABOUT).is_file():
        raise NoisegridError(f"{path} is no noisegrid package: there is no {ABOUT} in it{_because(damage)}")
    try:
        about = json.loads((folder / ABOUT).read_text())
    except (ValueError, RecursionError) as error:
        raise NoisegridError(f"{path}: {ABOUT} was changed: it is no JSON ({error})") from error
    if not isinstance(about, dict):
        raise NoisegridError(f"{path}: {ABOUT} was changed: it holds no design")
    check(about, "package", f"{path}: {ABOUT}")
    for problem in _impossible(about):
        raise NoisegridError(f"{path}: {ABOUT}: {problem}")
    if not damage and not archive.is_as_written(path, folder):
        damage.append("bytes between or around its files were changed or added")
    return Opened(path, folder, about, damage)


def _impossible(about: dict[str, Any]) -> Iterator[str]:
    for cell in about["cells"]:
        if cell["noise"] not in FREE:
            yield f"unknown noise source {cell['noise']}"


def _because(damage: list[str]) -> str:
    return f" ({damage[0]})" if damage else ""
