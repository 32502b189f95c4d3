"""An open crate: the unpacked files, the design, and the damage that was found while unpacking."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from noisegrid.common import versions
from noisegrid.common.errors import NoisegridError
from noisegrid.common.paths import StudyPaths
from noisegrid.common.provenance import code_digests
from noisegrid.common.schemas import check
from noisegrid.crate import archive
from noisegrid.records.record import WEIGHTS
from noisegrid.study.chunk import Chunk, chunk_of
from noisegrid.study.sources import FREE
from noisegrid.study.study import Cell

#: Names of files in a crate: the design, the checksums of all other files, the RO-Crate metadata, and the README.
ABOUT, CHECKSUMS, METADATA, README = "noisegrid.json", "checksums.sha256", "ro-crate-metadata.json", "README.md"

WORDS = """\
Results of the noisegrid study {study}
{line}

This is an RO-Crate (ro-crate-metadata.json) of the Workflow Run profile. To check every number in this crate, install
noisegrid as described in code/README.md, and run the command below. The command requires neither a GPU nor PyTorch, and
it does not run any code from the crate:

    noisegrid verify {study}.crate.zip

- code/: the workflow
- study/: the study file and the configuration
- results/{study}/: every replicate (record, predictions, history), metrics, tables, figures, report
- containers/: the contents of the container images
- noisegrid.json: the design, with every setting
- checksums.sha256: the checksums of all other files, for `sha256sum -c`

Licence: Apache-2.0 (code/LICENSE).
"""


def readme(about: dict[str, Any]) -> str:
    """Return the text of the README of a crate, given the design of the crate (the content of noisegrid.json)."""
    return WORDS.format(study=about["study"], line="=" * (len(about["study"]) + 31))


@dataclass
class Crate:
    """An open crate.

    Attributes
    ----------
    path : Path
        The zip.
    folder : Path
        The folder that contains the unpacked files.
    about : dict
        The design of the crate (the content of noisegrid.json), checked against the schema.
    damage : list of str
        A sentence for each problem of the zip itself.
    notes : list of str
        Remarks for the user that do not count as differences.
    """

    path: Path
    folder: Path
    about: dict[str, Any]
    damage: list[str]
    notes: list[str] = field(default_factory=list)

    @cached_property
    def names(self) -> set[str]:
        """The names of all files, as paths relative to the folder of the crate."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}

    @cached_property
    def cells(self) -> list[Cell]:
        """The cells of the design, with settings taken from the crate, not from the catalogs of this installation."""
        return [Cell(study=self.about["study"], **cell) for cell in self.about["cells"]]

    @property
    def tasks(self) -> dict[tuple[str, str], list[Cell]]:
        """The cells of each task on each kind of hardware; the keys are pairs (hardware, task)."""
        found: dict[tuple[str, str], list[Cell]] = {}
        for cell in self.cells:
            found.setdefault((cell.hardware, cell.task), []).append(cell)
        return found

    @property
    def results(self) -> Path:
        """The path of the study's results folder."""
        return Path(self.paths.folder)

    @property
    def paths(self) -> StudyPaths:
        """The paths of all results of the study."""
        return StudyPaths(str(self.folder / "results"), str(self.about["study"]))

    def code_digests(self, build: str) -> dict[str, str | None]:
        """Return the digests of the code in the crate that trains a network. `build` is the function that builds it."""
        return code_digests(build, self.folder / "code" / "workflow" / "noisegrid")

    @property
    def left_out(self) -> tuple[str, ...]:
        """The names of the files that may be missing from the crate although they are listed in records."""
        return () if self.about["weights"] else WEIGHTS

    @property
    def title(self) -> str:
        """A line with the name of the zip, the name and size of the study, and the noisegrid version that wrote it."""
        about, count = self.about, sum(cell.replicates for cell in self.cells)
        state = "" if about["finished"] else ", partly finished"
        commit = f", commit {about['commit'][:12]}" if about["commit"] else ""
        words = f"{len(self.cells)} cells, {count} replicates planned{state}"
        return f"{self.path.name}: study {about['study']}, {words}; noisegrid {about['noisegrid']}{commit}"

    def checksums(self) -> dict[str, str]:
        """Return the stated SHA-256 of all files, as a dictionary whose keys are the file names."""
        lines = (self.folder / CHECKSUMS).read_text().splitlines()
        return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}

    def chunks(self, cell: Cell) -> dict[Path, Chunk]:
        """Return the chunks that contain replicates of a cell, by the path of their files, in order of replicates."""
        folder = Path(self.paths.chunk_folder(cell.hardware))
        found = {path: chunk_of(str(path.relative_to(folder))[: -len(".json")]) for path in folder.rglob("*.json")}
        wanted = (item for item in found.items() if item[1].holds(cell.task, cell.noise))
        return dict(sorted(wanted, key=lambda item: item[1].first))

    def note(self, words: str) -> None:
        """Add a text to `notes`, which `noisegrid verify` prints at the end. Add the same text only once."""
        if words not in self.notes:
            self.notes.append(words)

    def words(self, error: Exception) -> str:
        """Return the text of an error, with file names relative to the folder of the crate."""
        text = str(error) if isinstance(error, NoisegridError) else f"{type(error).__name__}: {error}"
        return text.replace(f"{self.folder}/", "")


def open_crate(path: Path, place: Path) -> Crate:
    """Unpack a crate and check its design.

    Parameters
    ----------
    path : Path
        The zip.
    place : Path
        An empty folder. The crate is unpacked into a new subfolder of this folder.

    Raises
    ------
    NoisegridError
        If the file is not a crate, or is not safe to unpack.
    """
    folder = place / "crate"
    folder.mkdir()
    damage = archive.unpack(path, folder)
    if not (folder / ABOUT).is_file():
        raise NoisegridError(f"{path} is not a noisegrid crate: it has no {ABOUT}{_because(damage)}")
    try:
        about = json.loads((folder / ABOUT).read_text())
    except (ValueError, RecursionError) as error:
        raise NoisegridError(f"{path}: {ABOUT} was changed: it is not JSON ({error})") from error
    if not isinstance(about, dict):
        raise NoisegridError(f"{path}: {ABOUT} was changed: it does not hold a design")
    versions.check_version(about.get("format", 1), versions.CRATE, f"{path}, a crate of a study,")
    check(about, "crate", f"{path}: {ABOUT}")
    for problem in _impossible(about):
        raise NoisegridError(f"{path}: {ABOUT}: {problem}")
    if not damage and not archive.is_as_written(path, folder):
        damage.append("bytes between or around the files in the zip were changed or added")
    return Crate(path, folder, about, damage)


def _impossible(about: dict[str, Any]) -> Iterator[str]:
    """Yield those problems of a design that the JSON schema cannot detect."""
    named = [(cell["hardware"], cell["task"], cell["noise"]) for cell in about["cells"]]
    for cell, name in zip(about["cells"], named, strict=True):
        where, settings = "/".join(name), cell["settings"]
        pairs = settings.get("seed_sets", 1)
        if cell["noise"] not in FREE:
            yield f"unknown noise {cell['noise']}"
        if named.count(name) > 1:
            yield f"the cell {where} occurs twice"
        if (settings.get("noise"), settings.get("seed")) != (cell["noise"], about["seed"]):
            yield f"the settings of the cell {where} belong to another cell"
        if type(pairs) is not int or not 1 <= pairs <= cell["replicates"] // 2:
            yield f"the cell {where} cannot have {pairs} seed sets"


def _because(damage: list[str]) -> str:
    return f" ({damage[0]})" if damage else ""
