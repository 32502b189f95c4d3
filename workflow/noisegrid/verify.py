"""Check a package, number by number, without a GPU and without PyTorch; nothing in it is run or unpickled.

Every checksum; every record against its schema, its cell, its seeds and its files; every metric again from the
predictions; tables, claims, findings and figures again from the metrics. Says *same*, or what differs.

Command: python -m noisegrid.verify STUDY.crate.zip [--rerun N]
Exit status: 0 if all is the same, 1 if not.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from noisegrid.artifact import contents, recount, redraw, rerun, runs
from noisegrid.artifact.opened import Opened, opened
from noisegrid.basics.errors import exit_on_error

#: Says what it looks at, and yields what is wrong with it.
Check = Callable[[Opened], tuple[str, Iterator[str]]]
#: In this order: what comes later rests on what comes before.
CHECKS: dict[str, Check] = {
    "archive": contents.archive,
    "checksums": contents.checksums,
    "description": contents.description,
    "records": runs.records,
    "metrics": recount.recount,
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
        say(f"{name:16}{'same' if not wrong else 'DIFFERENT':11}{what}")
        for line in wrong:
            say(f"  - {line}")
    return everything


def _guarded(check: Check, package: Opened) -> tuple[str, list[str]]:
    """A package may hold anything: what a check cannot even read is a finding, and the other checks go on."""
    found: list[str] = []
    try:
        what, wrong = check(package)
        for line in wrong:
            found.append(line)
    except Exception as error:
        return "stopped", [*found, package.words(error)]
    return what, found


def say(line: str) -> None:
    """Print a line in which nothing of a stranger's text can move the cursor or hide another line."""
    print("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line), flush=True)


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
        say(package.title)
        wrong = verify(package)
        if options.rerun and not wrong:
            wrong += rerun.rerun(package, options.rerun, options.choice, options.datasets)
        elif options.rerun:
            package.note("nothing was trained again, since the package is not what it says")
    for note in package.notes:
        say(f"note: {note}")
    verdict = "same" if not wrong else f"DIFFERENT: {len(wrong)} findings, see above"
    print(f"{options.package}: {verdict} ({time.monotonic() - began:.0f} s)", file=sys.stderr if wrong else sys.stdout)
    return 1 if wrong else 0


if __name__ == "__main__":
    exit_on_error(main)
