"""A package that was opened: its files in a temporary folder, its design, and what the opening found."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError
from noisegrid.common.provenance import source_digest
from noisegrid.common.schemas import check
from noisegrid.crate import archive
from noisegrid.records.record import WEIGHTS
from noisegrid.study.batch import batch_of
from noisegrid.study.sources import FREE
from noisegrid.study.study import Cell

#: The design, the checksum of every other file, and the RO-Crate's description.
ABOUT, CHECKSUMS, METADATA, README = "noisegrid.json", "checksums.sha256", "ro-crate-metadata.json", "README.md"

WORDS = """\
Results of the noisegrid study {study}
{line}

An RO-Crate (ro-crate-metadata.json) of the Workflow Run profile. To check every number in it, without a GPU and without
PyTorch, with noisegrid installed (code/README.md; nothing in this package is run):

    python -m noisegrid.verify {study}.crate.zip

Layout: code/ the workflow; study/ the design; results/{study}/ every replicate (record, predictions, history), metrics,
tables, figures, report; containers/ what the images held; noisegrid.json the design with every setting spelt out;
checksums.sha256 for `sha256sum -c`. Licence: Apache-2.0 (code/LICENSE).
"""


def readme(about: dict[str, Any]) -> str:
    """The package's README."""
    return WORDS.format(study=about["study"], line="=" * (len(about["study"]) + 31))


@dataclass
class Crate:
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

    @cached_property
    def source_digest(self) -> str:
        """Digest of the training modules in the package's code."""
        return source_digest(self.folder / "code" / "workflow" / "noisegrid")

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
        """The batch files that list replicates of a cell, first replicates first."""
        place = self.results / "batches" / cell.hardware / cell.task
        found = {path: batch_of(path.stem) for path in place.glob("*.json")}
        return sorted((path for path in found if found[path].holds(cell.noise)), key=lambda path: found[path].first)

    def note(self, words: str) -> None:
        """Something for the reader that is no difference."""
        if words not in self.notes:
            self.notes.append(words)

    def words(self, error: Exception) -> str:
        """An error in words that name files as the package does."""
        text = str(error) if isinstance(error, NoisegridError) else f"{type(error).__name__}: {error}"
        return text.replace(f"{self.folder}/", "")


def opened(path: Path, place: Path) -> Crate:
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
    return Crate(path, folder, about, damage)


def _impossible(about: dict[str, Any]) -> Iterator[str]:
    """What the schema cannot say of a design."""
    named = [(cell["hardware"], cell["task"], cell["noise"]) for cell in about["cells"]]
    for cell, name in zip(about["cells"], named, strict=True):
        where, settings = "/".join(name), cell["settings"]
        pairs = settings.get("seed_sets", 1)
        if cell["noise"] not in FREE:
            yield f"unknown noise source {cell['noise']}"
        if named.count(name) > 1:
            yield f"the cell {where} is there twice"
        if (settings.get("noise"), settings.get("seed")) != (cell["noise"], about["seed"]):
            yield f"the settings of {where} are those of another cell"
        if type(pairs) is not int or not 1 <= pairs <= cell["replicates"] // 2:
            yield f"the cell {where} cannot have {pairs} pairs"


def _because(damage: list[str]) -> str:
    return f" ({damage[0]})" if damage else ""
