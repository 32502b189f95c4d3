"""Check a package, number by number, without a GPU and without PyTorch; nothing in it is run or unpickled.

Every checksum; every record against its schema, its cell, its seeds and its files; every metric again from the
predictions; tables, claims, findings and figures again from the metrics. Says *same*, or what differs.

Command: python -m noisegrid.verify STUDY.crate.zip [--rerun N]
Exit status: 0 if all is the same, 1 if not.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from noisegrid.artifact import redraw, rerun
from noisegrid.artifact.opened import CHECKSUMS, METADATA, Opened, opened
from noisegrid.artifact.recount import records, recount
from noisegrid.errors import exit_on_error
from noisegrid.files import sha256

#: What is looked at, in this order; each gives what it looked at, and yields what is wrong.
Check = Callable[[Opened], tuple[str, Iterator[str]]]


def archive(package: Opened) -> tuple[str, Iterator[str]]:
    """The zip itself: no damaged entry, and no byte that is not accounted for."""
    return f"{len(package.names):,} files, {package.path.stat().st_size / 1e6:.1f} MB", iter(package.damage)


def checksums(package: Opened) -> tuple[str, Iterator[str]]:
    """Every file has the checksum that the package states for it."""

    def wrong() -> Iterator[str]:
        stated = package.checksums()
        for name in sorted(stated.keys() - package.names):
            yield f"{name} is missing"
        for name in sorted(package.names - stated.keys() - {CHECKSUMS}):
            yield f"{name} is not in {CHECKSUMS}"
        for name in sorted(stated.keys() & package.names):
            if sha256(package.folder / name) != stated[name]:
                yield f"{name} was changed: its checksum is not the one in {CHECKSUMS}"

    return f"{len(package.checksums()):,} checksums", wrong()


def description(package: Opened) -> tuple[str, Iterator[str]]:
    """The RO-Crate's own statements about files."""
    entities = json.loads((package.folder / METADATA).read_text()).get("@graph", [])
    stated = {entity["@id"]: entity for entity in entities if "sha256" in entity and entity["@id"] in package.names}

    def wrong() -> Iterator[str]:
        for name, entity in sorted(stated.items()):
            path = package.folder / name
            if (entity["sha256"], entity.get("contentSize")) != (sha256(path), str(path.stat().st_size)):
                yield f"{METADATA}: what it says of {name} is not true"

    return f"{len(stated)} files described", wrong()


CHECKS: dict[str, Check] = {
    "archive": archive,
    "checksums": checksums,
    "description": description,
    "records": records,
    "metrics": recount,
    "collected": redraw.collected,
    "tables, claims": redraw.tables,
    "findings": redraw.findings,
    "figures": redraw.figures,
}


def verify(package: Opened) -> list[str]:
    """Run every check, print a line for each, and give all that is wrong."""
    everything: list[str] = []
    for name, check in CHECKS.items():
        what, wrong = _guarded(check, package)
        everything += wrong
        print(f"{name:16}{'same' if not wrong else 'DIFFERENT':11}{what}", flush=True)
        for line in wrong:
            print(f"  - {line}", flush=True)
    return everything


def _guarded(check: Check, package: Opened) -> tuple[str, list[str]]:
    """A package may hold anything: what a check cannot even read is a finding, and the other checks go on."""
    try:
        what, wrong = check(package)
        return what, list(wrong)
    except Exception as error:
        return "stopped", [package.words(error)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m noisegrid.verify", description=__doc__)
    parser.add_argument("package", type=Path, help="the .crate.zip that `snakemake package` made")
    parser.add_argument("--rerun", type=int, default=0, metavar="N", help="train N random replicates again (PyTorch)")
    parser.add_argument("--choice", type=int, help="number that decides which N (default: another one every time)")
    parser.add_argument("--datasets", type=Path, default=Path("resources/datasets"), help="folder of prepared datasets")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        package = opened(options.package, Path(folder))
        print(package.title, flush=True)
        wrong = verify(package)
        if options.rerun:
            wrong += rerun.rerun(package, options.rerun, options.choice, options.datasets)
    seconds = time.monotonic() - began
    for note in package.notes:
        print(f"note: {note}")
    verdict = "same" if not wrong else f"DIFFERENT: {len(wrong)} findings, see above"
    print(f"{options.package}: {verdict} ({seconds:.0f} s)", file=sys.stderr if wrong else sys.stdout)
    return 1 if wrong else 0


if __name__ == "__main__":
    exit_on_error(main)
