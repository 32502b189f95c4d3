"""Check the contents of a crate: all checksums match, every file belongs in it, and the description is correct."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from noisegrid.common.files import sha256
from noisegrid.common.schemas import WORKFLOW
from noisegrid.crate import metadata
from noisegrid.crate.crate import ABOUT, CHECKSUMS, METADATA, README, Crate, readme
from noisegrid.records.record import WEIGHTS

#: A note about the files that cannot be computed again from other files in the crate.
UNCHECKED = (
    "report.html, code/, study/, containers/ and the timed blocks (overhead/) were checked only by their checksums"
)


def archive(package: Crate) -> tuple[str, Iterator[str]]:
    """Check the zip itself: no entry is damaged, and no byte lies outside its entries."""
    return f"{len(package.names):,} files, {package.path.stat().st_size / 1e6:.1f} MB", iter(package.damage)


def checksums(package: Crate) -> tuple[str, Iterator[str]]:
    """Check that every file matches its stated checksum and belongs in a crate of this design."""

    def wrong() -> Iterator[str]:
        stated, belongs = package.checksums(), re.compile("|".join(_patterns(package)))
        for name in sorted(stated.keys() - package.names):
            yield f"{name} is missing"
        for name in sorted(package.names - stated.keys() - {CHECKSUMS}):
            yield f"{name} is not in {CHECKSUMS}"
        for name in sorted(stated.keys() & package.names):
            if sha256(package.folder / name) != stated[name]:
                yield f"{name} was changed: its checksum differs from the one in {CHECKSUMS}"
        yield from (
            f"{name} does not belong in a crate of this study"
            for name in sorted(package.names)
            if not belongs.fullmatch(name)
        )

    package.note(UNCHECKED)
    return f"{len(package.checksums()):,} checksums", wrong()


def _patterns(package: Crate) -> Iterator[str]:
    """Yield regular expressions that match the name of every file that belongs in a crate of this design."""
    yield from (
        re.escape(name) for name in (ABOUT, CHECKSUMS, METADATA, README, "study/study.yaml", "study/config.json")
    )
    yield from (r"code/.+", r"containers/[^/]+\.json")
    results = re.escape(f"results/{package.about['study']}/")
    weights = () if package.left_out else WEIGHTS
    files = "|".join(map(re.escape, ("record.json", "predictions.npz", "history.csv", *weights)))
    for cell in package.cells:
        yield f"{results}replicates/{re.escape(cell.path)}/[0-9]+/({files})"
        yield f"{results}batches/{re.escape(f'{cell.hardware}/{cell.task}')}/({cell.noise}\\.)?[0-9]+-[0-9]+\\.json"
        yield f"{results}cells/{re.escape(cell.path)}\\.csv"
        yield f"{results}across/{re.escape(f'{cell.task}/{cell.noise}')}\\.csv"
    yield from (f"{results}overhead/{re.escape(timing)}\\.(csv|json)" for timing in package.about["timed_networks"])
    yield f"{results}(metrics\\.csv|overhead\\.csv|report\\.html|findings\\.(md|html|rst)|tables/.+|figures/.+)"


def description(package: Crate) -> tuple[str, Iterator[str]]:
    """Check the RO-Crate metadata and the README: generate both again from the rest of the crate, and compare."""
    document = json.loads((package.folder / METADATA).read_text())
    stated = {str(entity["@id"]): entity for entity in document["@graph"]}

    def wrong() -> Iterator[str]:
        for name, entity in sorted(stated.items()):
            is_file = "sha256" in entity and name in package.names
            if is_file and entity["sha256"] != sha256(package.folder / name):
                yield f"{METADATA}: the checksum of {name} is wrong"
        if not _same_code(package):
            package.note(
                "the crate was written by code that differs from the code installed here: the description of the crate "
                "was not generated again, and the wording of tables and findings may differ"
            )
            return
        if (package.folder / README).read_text() != readme(package.about):
            yield f"{README} differs from the one that is generated again"
        again = {str(entity["@id"]): entity for entity in json.loads(_described(package))["@graph"]}
        for name in sorted(stated.keys() | again.keys()):
            if stated.get(name) != again.get(name):
                yield f"{METADATA}: the description of {name} differs from the one that is generated again"

    return f"{len(stated)} entities", wrong()


def _described(package: Crate) -> str:
    files = {name: package.folder / name for name in package.names - {CHECKSUMS, METADATA}}
    records: dict[Any, list[dict[str, Any]]] = {}
    for cell in package.cells:
        folders = sorted(Path(package.paths.replicates(cell.path)).glob("[0-9]*"), key=lambda path: int(path.name))
        records[cell] = [json.loads((folder / "record.json").read_text()) for folder in folders]
    return metadata.metadata(metadata.Contents(package.about, files, records))


def _same_code(package: Crate) -> bool:
    """Return whether the Python modules in the crate are equal to those of this installation."""
    return _digest(package.folder / "code" / "workflow" / "noisegrid") == _digest(WORKFLOW / "noisegrid")


def _digest(folder: Path) -> str:
    modules = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py"))
    return hashlib.sha256("".join(f"{name} {sha256(folder / name)}\n" for name in modules).encode()).hexdigest()
