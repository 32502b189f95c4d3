"""Check that all checksums match, that every file belongs in the crate, and that the crate's metadata are correct."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import checksum_file, sha256
from noisegrid.common.paths import StudyPaths
from noisegrid.crate import metadata
from noisegrid.crate.crate import ABOUT, CHECKSUMS, METADATA, README, Crate, readme
from noisegrid.crate.limits import DESCRIBED_BYTES, RECORD_BYTES, check_size, read_json
from noisegrid.records.record import WEIGHTS
from noisegrid.study.chunk import PATTERN as CHUNK_NAME

#: A note about the files that cannot be computed again from other files in the crate.
UNCHECKED = (
    "report.html, provenance.html, code/, study/, containers/ and the timed blocks (overhead/) were checked only by "
    "their checksums"
)


def archive(crate: Crate) -> tuple[str, Iterator[str]]:
    """Check the zip itself: no entry is damaged, and no byte lies outside its entries."""
    return f"{len(crate.names):,} files, {crate.path.stat().st_size / 1e6:.1f} MB", iter(crate.damage)


def checksums(crate: Crate) -> tuple[str, Iterator[str]]:
    """Check that every file matches its stated checksum, and that the design of the crate allows the file."""

    def wrong() -> Iterator[str]:
        stated, belongs = crate.checksums(), _belongs(crate)
        for name in sorted(stated.keys() - crate.names):
            yield f"{name} is missing"
        for name in sorted(crate.names - stated.keys() - {CHECKSUMS}):
            yield f"{name} is not in {CHECKSUMS}"
        for name in sorted(stated.keys() & crate.names):
            if sha256(crate.folder / name) != stated[name]:
                yield f"{name} was changed: its checksum differs from the one in {CHECKSUMS}"
        yield from (
            f"{name} does not belong in a crate of this study" for name in sorted(crate.names) if not belongs(name)
        )

    crate.note(UNCHECKED)
    if crate.about.get("inference"):
        crate.note("the evaluations under other conditions (inference/) were checked only by their checksums")
    return f"{len(crate.checksums()):,} checksums", wrong()


def _belongs(crate: Crate) -> Callable[[str], bool]:
    """Return a function that takes the name of a file, and returns whether the design of the crate allows the file."""
    paths = StudyPaths("results", crate.about["study"])
    names = {ABOUT, CHECKSUMS, METADATA, README, "study/study.yaml", "study/config.json"}
    names |= {paths.metrics, paths.overhead, paths.report, paths.provenance}
    names |= {paths.findings(suffix) for suffix in ("md", "html", "rst")}
    for cell in crate.cells:
        names |= {paths.task_metrics(cell.hardware, cell.task), paths.across(cell.task)}
    names |= {paths.versus} if crate.versus else set()
    for timing in crate.about["timed_networks"]:
        names |= {paths.timed(timing, suffix) for suffix in ("csv", "json")}
    for cell_path in crate.about.get("inference", []):
        names |= {paths.inference(cell_path, suffix) for suffix in ("json", "txt", "png")}
    names |= {str(checksum_file(Path(name))) for name in names if name.endswith(".csv")}
    folders = ("code/", f"{paths.tables}/", f"{paths.figures}/")
    files = ("record.json", "predictions.npz", "history.csv", *(() if crate.left_out else WEIGHTS))
    replicate = re.compile(f"{re.escape(paths.replicates('x')[:-2])}/(.+)/[0-9]+/({'|'.join(map(re.escape, files))})")
    chunk = re.compile(f"{re.escape(paths.chunk_folder('x')[:-2])}/([^/]+)/{CHUNK_NAME}\\.json")
    cells, hardware = {cell.path for cell in crate.cells}, {cell.hardware for cell in crate.cells}

    def belongs(name: str) -> bool:
        if name in names or name.startswith(folders) or re.fullmatch(r"containers/[^/]+\.json", name):
            return True
        if found := replicate.fullmatch(name):
            return found[1] in cells
        return (found := chunk.fullmatch(name)) is not None and found[1] in hardware

    return belongs


def description(crate: Crate) -> tuple[str, Iterator[str]]:
    """Check that the RO-Crate metadata and the README equal those generated again from the rest of the crate.

    If the code in the crate differs from this installation, only the checksums in the metadata are checked.
    """
    stated = _entities(read_json(crate.folder / METADATA, METADATA))

    def wrong() -> Iterator[str]:
        for name, entity in sorted(stated.items()):
            is_file = "sha256" in entity and name in crate.names
            if is_file and entity["sha256"] != sha256(crate.folder / name):
                yield f"{METADATA}: the checksum of {name} is wrong"
        if not crate.has_code_of_here:
            crate.note(
                "the crate was written by code that differs from the code installed here: the description of the crate "
                "was not generated again, the wording of tables and findings may differ, and it was not checked "
                "whether the replicates were trained with the code in the crate"
            )
            return
        if (crate.folder / README).read_text() != readme(crate.about, crate.names):
            yield f"{README} differs from the one that is generated again"
        again = _entities(json.loads(_described(crate)))
        for name in sorted(stated.keys() | again.keys()):
            if stated.get(name) != again.get(name):
                yield f"{METADATA}: the description of {name} differs from the one that is generated again"

    return f"{len(stated)} entities", wrong()


def _entities(document: Any) -> dict[str, dict[str, Any]]:
    """Return the entities of the metadata by their identifiers."""
    try:
        return {str(entity["@id"]): dict(entity) for entity in document["@graph"]}
    except (KeyError, TypeError, ValueError) as error:
        raise NoisegridError(f"{METADATA} is not a list of entities; verify another copy of the crate") from error


def _described(crate: Crate) -> str:
    files = {name: crate.folder / name for name in crate.names - {CHECKSUMS, METADATA}}
    records: dict[Any, list[dict[str, Any]]] = {}
    size = 0
    for cell in crate.cells:
        records[cell] = []
        folders = sorted(Path(crate.paths.replicates(cell.path)).glob("[0-9]*"), key=lambda path: int(path.name))
        for folder in folders:
            part = _described_part(crate, folder / "record.json")
            size += len(json.dumps(part))
            check_size(f"{METADATA}: what the records up to {cell.path}/{folder.name} add", size, DESCRIBED_BYTES)
            records[cell].append(part)
    return metadata.metadata(metadata.Contents(crate.about, files, records))


def _described_part(crate: Crate, path: Path) -> dict[str, Any]:
    """Return what the metadata need of a record, because all records do not fit into memory."""
    record = read_json(path, str(path.relative_to(crate.folder)), RECORD_BYTES)
    kept = {key: record[key] for key in ("device", "code", "container", "started", "timings")}
    return kept | {"software": {key: value for key, value in record["software"].items() if key != "packages"}}
