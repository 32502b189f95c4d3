"""An open crate: the unpacked files, the design, and the damage that was found while unpacking."""

import json
import math
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from noisegrid.common import versions
from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import sha256
from noisegrid.common.paths import StudyPaths
from noisegrid.common.provenance import code_digests
from noisegrid.common.schemas import PACKAGE, WORKFLOW, check
from noisegrid.crate import archive
from noisegrid.crate.compressed import uncompressed
from noisegrid.crate.limits import CELLS, ENTRIES, SETTINGS_BYTES, check_count, check_files, read_json
from noisegrid.crate.possible import check_design
from noisegrid.records.record import REPAIR, WEIGHTS
from noisegrid.study.chunk import Chunk, chunk_of
from noisegrid.study.sources import CROSSED, NAMES
from noisegrid.study.study import Cell, Versus

#: What `verify` says of files that a crate of a partly finished study does not have.
ABSENT = "not in this crate"
#: Names of files in a crate: the design, the checksums of all other files, the RO-Crate metadata, and the README.
ABOUT, CHECKSUMS, METADATA, README = "noisegrid.json", "checksums.sha256", "ro-crate-metadata.json", "README.md"

WORDS = """\
Results of the noisegrid study {study}
{line}

This is an RO-Crate (ro-crate-metadata.json) of the Workflow Run profile. To check every number in this crate, install
noisegrid as described in code/README.md, and run the command below. The command requires neither a GPU nor PyTorch, and
it does not run any code from the crate:

    noisegrid verify {study}.crate.zip

{contents}

Licence: Apache-2.0 (code/LICENSE).
"""


#: What each file or folder at the top of a crate is.
CONTENTS = {
    "code": "code/: the workflow",
    "study": "study/: the study file and the configuration",
    "results": "results/{study}/: every replicate (record, predictions, history){derived}",
    "containers": "containers/: the contents of the container images",
    ABOUT: f"{ABOUT}: the design, with every setting",
    METADATA: f"{METADATA}: the description of this crate",
    CHECKSUMS: f"{CHECKSUMS}: the checksums of all other files; in the unpacked folder, run `sha256sum -c {CHECKSUMS}`",
}
#: What results/ has besides the replicates, if it exists -> the start of the names of the files.
DERIVED = {"metrics": "metrics.csv", "tables": "tables/", "figures": "figures/", "report": "report.html"}


def readme(about: dict[str, Any], names: Collection[str]) -> str:
    """Return the text of the README of a crate, which lists what the crate has.

    Parameters
    ----------
    about : dict
        The design of the crate (the content of noisegrid.json).
    names : collection of str
        The names of the files in the crate. The README and the two files that describe all others may be missing.
    """
    study = about["study"]
    top = {name.partition("/")[0] for name in names} | {ABOUT, METADATA, CHECKSUMS}
    start = tuple(f"results/{study}/{name}" for name in DERIVED.values())
    there = {found[0] for name in names if (found := [one for one in start if name.startswith(one)])}
    derived = "".join(f", {what}" for what, one in zip(DERIVED, start, strict=True) if one in there)
    lines = [f"- {text}".format(study=study, derived=derived) for name, text in CONTENTS.items() if name in top]
    return WORDS.format(study=study, line="=" * (len(study) + 31), contents="\n".join(lines))


@dataclass(frozen=True)
class Listing:
    """What a chunk file states about the replicates of one cell.

    Attributes
    ----------
    chunk : Chunk
        The chunk.
    weight_hashes : dict
        Number of a finished replicate, as a text -> hash of its weights.
    diverged, failed : list of int
        The numbers of the replicates without results.
    """

    chunk: Chunk
    weight_hashes: dict[str, str]
    diverged: list[int]
    failed: list[int]


@dataclass
class Crate:
    """An open crate.

    Attributes
    ----------
    path : Path
        The zip, or the .xz that holds it.
    folder : Path
        The folder that contains the unpacked files.
    about : dict
        The design of the crate (the content of noisegrid.json), checked against the schema.
    damage : list of str
        A sentence for each problem of the zip itself.
    notes : list of str
        Remarks for the user that do not count as differences.
    unconfirmed : list of str
        The kinds of files that the code installed here makes otherwise, or cannot make, so that they were not compared.
    absent : list of str
        The checks that had nothing to check, because a partly finished study has no such files yet.
    unnamed : int
        The number of differences beyond those that are named.
    """

    path: Path
    folder: Path
    about: dict[str, Any]
    damage: list[str]
    notes: list[str] = field(default_factory=list)
    unconfirmed: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    unnamed: int = 0
    _digests: dict[str, dict[str, str | None] | None] = field(default_factory=dict)

    @cached_property
    def names(self) -> set[str]:
        """The names of all files, as paths relative to the folder of the crate."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}

    @cached_property
    def cells(self) -> list[Cell]:
        """The cells of the design, with settings taken from the crate, not from the catalogs of this installation."""
        return [Cell(study=self.about["study"], **cell) for cell in self.about["cells"]]

    @property
    def versus(self) -> list[Versus]:
        """The comparisons of two methods in the design."""
        return [Versus(**one) for one in self.about.get("versus", [])]

    @property
    def tasks(self) -> dict[tuple[str, str], list[Cell]]:
        """The cells of each task on each kind of hardware; the keys are pairs (hardware, task)."""
        found: dict[tuple[str, str], list[Cell]] = {}
        for cell in self.cells:
            found.setdefault((cell.hardware, cell.task), []).append(cell)
        return found

    @property
    def metrics_files(self) -> list[Path]:
        """The paths of the metrics of all tasks and comparisons, in the order of metrics.csv; not all need exist."""
        files = [Path(self.paths.task_metrics(*names)) for names in self.tasks]
        files += [Path(self.paths.across(task)) for task in dict.fromkeys(task for _, task in self.tasks)]
        return files + ([Path(self.paths.versus)] if self.versus else [])

    @property
    def results(self) -> Path:
        """The path of the study's results folder."""
        return Path(self.paths.folder)

    @property
    def paths(self) -> StudyPaths:
        """The paths of all results of the study."""
        return StudyPaths(str(self.folder / "results"), str(self.about["study"]))

    @cached_property
    def has_code_of_here(self) -> bool:
        """Whether the Python modules in the crate are equal to those of this installation."""
        return _sums(self.folder / "code/workflow/noisegrid", "*.py") == _sums(PACKAGE, "*.py")

    @cached_property
    def has_words_of_here(self) -> bool:
        """Whether the Python modules and the catalogs in the crate are equal to those of this installation."""
        catalogs = (self.folder / "code/workflow/catalog", WORKFLOW / "catalog")
        return self.has_code_of_here and _sums(catalogs[0], "*") == _sums(catalogs[1], "*")

    def code_digests(self, build: str) -> dict[str, str | None] | None:
        """Return the digests of the code in the crate that trains a network, or None if it is not that of here.

        Code of a stranger is not parsed: some texts take a parser much memory and time. `build` is the function that
        builds the network.
        """
        if build not in self._digests:
            self._digests[build] = code_digests(build) if self.has_code_of_here else None
        return self._digests[build]

    @property
    def left_out(self) -> tuple[str, ...]:
        """The names of the files that may be missing from the crate although they are listed in records."""
        return () if self.about["weights"] else WEIGHTS

    @property
    def title(self) -> str:
        """A line with the name of the zip, the name and size of the study, and the noisegrid version that wrote it."""
        about, count = self.about, sum(cell.replicates for cell in self.cells)
        state = "" if about["finished"] else ", partly finished"
        words = f"{len(self.cells)} cells, {count} replicates planned{state}"
        return f"{self.path.name}: study {about['study']}, {words}; {self.writer}"

    @property
    def writer(self) -> str:
        """The version of noisegrid that wrote the crate, and the commit if it is known."""
        commit = self.about["commit"]
        return f"noisegrid {self.about['noisegrid']}{f', commit {commit[:12]}' if commit else ''}"

    def checksums(self) -> dict[str, str]:
        """Return the stated SHA-256 of all files, as a dictionary whose keys are the file names."""
        text = (self.folder / CHECKSUMS).read_text()
        check_count(f"{CHECKSUMS}: lines", text.count("\n"), ENTRIES)
        lines = text.splitlines()
        return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}

    @cached_property
    def listings(self) -> dict[Cell, list[Listing]]:
        """What the chunk files state about each cell of the design, in the order of the replicates.

        Every chunk file is read once.

        Raises
        ------
        NoisegridError
            If a chunk file is malformed, or does not list a cell that its name covers.
        """
        found: dict[Cell, list[Listing]] = {cell: [] for cell in self.cells}
        for hardware in dict.fromkeys(cell.hardware for cell in self.cells):
            folder = Path(self.paths.chunk_folder(hardware))
            by_task: dict[str | None, list[Cell]] = {}
            for cell in self.cells:
                for task in (cell.task, None) if cell.hardware == hardware else ():
                    by_task.setdefault(task, []).append(cell)
            for path in sorted(folder.rglob("*.json")):
                chunk, name = chunk_of(str(path.relative_to(folder))[: -len(".json")]), path.relative_to(self.folder)
                covered = [cell for cell in by_task.get(chunk.task, []) if chunk.holds(cell.task, cell.noise)]
                stated = read_json(path, str(name)) if covered else {}
                for cell in covered:
                    found[cell].append(_listing(stated, cell, chunk, str(name)))
        return {cell: sorted(listings, key=lambda listing: listing.chunk.first) for cell, listings in found.items()}

    def note(self, words: str) -> None:
        """Add a text to `notes`, which `noisegrid verify` prints at the end. Add the same text only once."""
        if words not in self.notes:
            self.notes.append(words)

    def words(self, error: Exception) -> str:
        """Return the text of an error, with file names relative to the folder of the crate."""
        text = str(error) if isinstance(error, NoisegridError) else f"{type(error).__name__}: {error}"
        # `noisegrid repair` is for the authors: who verifies a crate has no study to train again
        return text.replace(f"{self.folder}/", "").replace(f"; {REPAIR}", "")


def open_crate(path: Path, place: Path) -> Crate:
    """Unpack a crate and check its design.

    Parameters
    ----------
    path : Path
        The zip, which may be compressed with xz (.crate.zip.xz).
    place : Path
        An empty folder. The crate is unpacked into a new subfolder of this folder.

    Raises
    ------
    NoisegridError
        If the file is not a crate, or is not safe to unpack.
    """
    folder = place / "crate"
    folder.mkdir()
    zipped = uncompressed(path, place)
    try:
        damage = archive.unpack(zipped, folder)
    except NoisegridError as error:
        raise NoisegridError(str(error).replace(str(zipped), str(path))) from error
    if not (folder / ABOUT).is_file():
        raise NoisegridError(f"{path} is not a noisegrid crate: it has no {ABOUT}{_because(damage)}")
    about = read_json(folder / ABOUT, f"{path}: {ABOUT}")
    if not isinstance(about, dict):
        raise NoisegridError(f"{path}: {ABOUT} was changed: it does not hold a design")
    versions.check_version(about.get("format", 1), versions.CRATE, f"{path}, a crate of a study,")
    check(about, "crate", f"{path}: {ABOUT}")
    check_count(f"{path}: {ABOUT}: cells", len(about["cells"]), CELLS)
    for problem in _impossible(about):
        raise NoisegridError(f"{path}: {ABOUT}: {problem}")
    for cell in about["cells"]:
        where = f"{path}: {ABOUT}: the cell {cell['hardware']}/{cell['task']}/{cell['noise']}"
        check_count(f"{where}: bytes of its settings", len(json.dumps(cell["settings"])), SETTINGS_BYTES)
        check_design(cell["settings"], where)
        if cell["noise"] == CROSSED and math.prod(cell["settings"]["crossed"].values()) != cell["replicates"]:
            raise NoisegridError(f"{where}: {cell['replicates']} replicates are not the product of its levels")
    crate = Crate(path, folder, about, damage)
    check_files(folder, crate.names, f"results/{about['study']}")
    if not damage and not archive.is_as_written(zipped, folder):
        damage.append("bytes between or around the files in the zip were changed or added")
    return crate


def _listing(stated: Any, cell: Cell, chunk: Chunk, where: str) -> Listing:
    """Return what the content of a chunk file states about a cell; raise NoisegridError if it is malformed."""
    try:
        listed = stated["cells"][cell.path]
        found = Listing(chunk, listed["weight_hashes"], listed["diverged"], listed["failed"])
    except (KeyError, TypeError) as error:
        raise NoisegridError(f"{where} does not list the replicates of {cell.path}") from error
    numbers = [found.diverged, found.failed]
    if (
        not isinstance(found.weight_hashes, dict)
        or not all(isinstance(weight_hash, str) for weight_hash in found.weight_hashes.values())
        or not all(isinstance(each, list) and all(type(number) is int for number in each) for each in numbers)
    ):
        raise NoisegridError(f"{where}: the replicates of {cell.path} are not listed by number")
    return found


def _sums(folder: Path, pattern: str) -> list[tuple[str, str]]:
    """Return the names and the checksums of all files below a folder whose names match a pattern."""
    return sorted((str(path.relative_to(folder)), sha256(path)) for path in folder.rglob(pattern) if path.is_file())


def _impossible(about: dict[str, Any]) -> Iterator[str]:
    """Yield those problems of a design that the JSON schema cannot detect."""
    named = [(cell["hardware"], cell["task"], cell["noise"]) for cell in about["cells"]]
    counts = Counter(named)
    for cell, name in zip(about["cells"], named, strict=True):
        where, settings = "/".join(name), cell["settings"]
        pairs = settings.get("seed_sets", 1)
        if cell["noise"] not in NAMES:
            yield f"unknown noise {cell['noise']}"
        if counts[name] > 1:
            yield f"the cell {where} occurs twice"
        if (settings.get("noise"), settings.get("seed")) != (cell["noise"], about["seed"]):
            yield f"the settings of the cell {where} belong to another cell"
        if type(pairs) is not int or not 1 <= pairs <= cell["replicates"] // 2:
            yield f"the cell {where} cannot have {pairs} seed sets"
    cells = {"/".join(name) for name in named}
    yield from (f"{name} was evaluated, but is no cell" for name in about.get("inference", []) if name not in cells)
    for one in about.get("versus", []):
        for task in (one["a"], one["b"]):
            if (one["hardware"], task, one["noise"]) not in counts:
                yield f"a comparison names {one['hardware']}/{task}/{one['noise']}, which is no cell"


def _because(damage: list[str]) -> str:
    return f" ({damage[0]})" if damage else ""
