"""Check that all checksums match, that every file belongs in the crate, and that the crate's metadata are correct."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from noisegrid.common.files import sha256
from noisegrid.common.paths import StudyPaths
from noisegrid.common.schemas import PACKAGE
from noisegrid.crate import metadata
from noisegrid.crate.crate import ABOUT, CHECKSUMS, METADATA, README, Crate, readme
from noisegrid.records.record import WEIGHTS
from noisegrid.study.chunk import PATTERN as CHUNK_NAME

#: A note about the files that cannot be computed again from other files in the crate.
UNCHECKED = (
    "report.html, code/, study/, containers/ and the timed blocks (overhead/) were checked only by their checksums"
)


def archive(crate: Crate) -> tuple[str, Iterator[str]]:
    """Check the zip itself: no entry is damaged, and no byte lies outside its entries."""
    return f"{len(crate.names):,} files, {crate.path.stat().st_size / 1e6:.1f} MB", iter(crate.damage)


def checksums(crate: Crate) -> tuple[str, Iterator[str]]:
    """Check that every file matches its stated checksum, and that the design of the crate allows the file."""

    def wrong() -> Iterator[str]:
        stated, belongs = crate.checksums(), re.compile("|".join(_patterns(crate)))
        for name in sorted(stated.keys() - crate.names):
            yield f"{name} is missing"
        for name in sorted(crate.names - stated.keys() - {CHECKSUMS}):
            yield f"{name} is not in {CHECKSUMS}"
        for name in sorted(stated.keys() & crate.names):
            if sha256(crate.folder / name) != stated[name]:
                yield f"{name} was changed: its checksum differs from the one in {CHECKSUMS}"
        yield from (
            f"{name} does not belong in a crate of this study"
            for name in sorted(crate.names)
            if not belongs.fullmatch(name)
        )

    crate.note(UNCHECKED)
    return f"{len(crate.checksums()):,} checksums", wrong()


def _patterns(crate: Crate) -> Iterator[str]:
    """Yield regular expressions for the names of all files that the design of the crate allows."""
    yield from (
        re.escape(name) for name in (ABOUT, CHECKSUMS, METADATA, README, "study/study.yaml", "study/config.json")
    )
    yield from (r"code/.+", r"containers/[^/]+\.json")
    paths = StudyPaths("results", crate.about["study"])
    weights = () if crate.left_out else WEIGHTS
    files = "|".join(map(re.escape, ("record.json", "predictions.npz", "history.csv", *weights)))
    for cell in crate.cells:
        yield f"{re.escape(paths.replicates(cell.path))}/[0-9]+/({files})"
        yield f"{re.escape(paths.chunk_folder(cell.hardware))}/{CHUNK_NAME}\\.json"
        yield re.escape(paths.task_metrics(cell.hardware, cell.task))
        yield re.escape(paths.across(cell.task))
    for timing in crate.about["timed_networks"]:
        yield from (re.escape(paths.timed(timing, suffix)) for suffix in ("csv", "json"))
    yield from map(re.escape, (paths.metrics, paths.overhead, paths.report))
    yield from (re.escape(paths.findings(suffix)) for suffix in ("md", "html", "rst"))
    yield from (f"{re.escape(folder)}/.+" for folder in (paths.tables, paths.figures))


def description(crate: Crate) -> tuple[str, Iterator[str]]:
    """Check that the RO-Crate metadata and the README equal those generated again from the rest of the crate.

    If the code in the crate differs from this installation, only the checksums in the metadata are checked.
    """
    document = json.loads((crate.folder / METADATA).read_text())
    stated = {str(entity["@id"]): entity for entity in document["@graph"]}

    def wrong() -> Iterator[str]:
        for name, entity in sorted(stated.items()):
            is_file = "sha256" in entity and name in crate.names
            if is_file and entity["sha256"] != sha256(crate.folder / name):
                yield f"{METADATA}: the checksum of {name} is wrong"
        if not _same_code(crate):
            crate.note(
                "the crate was written by code that differs from the code installed here: the description of the crate "
                "was not generated again, and the wording of tables and findings may differ"
            )
            return
        if (crate.folder / README).read_text() != readme(crate.about):
            yield f"{README} differs from the one that is generated again"
        again = {str(entity["@id"]): entity for entity in json.loads(_described(crate))["@graph"]}
        for name in sorted(stated.keys() | again.keys()):
            if stated.get(name) != again.get(name):
                yield f"{METADATA}: the description of {name} differs from the one that is generated again"

    return f"{len(stated)} entities", wrong()


def _described(crate: Crate) -> str:
    files = {name: crate.folder / name for name in crate.names - {CHECKSUMS, METADATA}}
    records: dict[Any, list[dict[str, Any]]] = {}
    for cell in crate.cells:
        folders = sorted(Path(crate.paths.replicates(cell.path)).glob("[0-9]*"), key=lambda path: int(path.name))
        records[cell] = [json.loads((folder / "record.json").read_text()) for folder in folders]
    return metadata.metadata(metadata.Contents(crate.about, files, records))


def _same_code(crate: Crate) -> bool:
    """Return whether the Python modules in the crate are equal to those of this installation."""
    return _digest(crate.folder / "code" / "workflow" / "noisegrid") == _digest(PACKAGE)


def _digest(folder: Path) -> str:
    modules = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py"))
    return hashlib.sha256("".join(f"{name} {sha256(folder / name)}\n" for name in modules).encode()).hexdigest()
