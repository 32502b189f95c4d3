"""Check a package, number by number, without a GPU and without PyTorch; nothing in it is run or unpickled.

Every checksum; every record against its schema, its cell, its seeds and its files; every metric again from the
predictions; tables, claims, findings and figures again from the metrics. Says *same*, or what differs.

Command: python -m noisegrid.verify STUDY.crate.zip [--rerun N]
Exit status: 0 if all is the same, 1 if not.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from noisegrid.crate import check_contents, check_metrics, check_products, check_records, rerun
from noisegrid.crate.crate import Crate, opened

#: Says what it looks at, and yields what is wrong with it.
Check = Callable[[Crate], tuple[str, Iterator[str]]]
#: In this order: what comes later rests on what comes before.
CHECKS: dict[str, Check] = {
    "archive": check_contents.archive,
    "checksums": check_contents.checksums,
    "description": check_contents.description,
    "records": check_records.records,
    "metrics": check_metrics.recount,
    "collected": check_products.collected,
    "tables, claims": check_products.tables,
    "findings": check_products.findings,
    "figures": check_products.figures,
}


def verify(package: Crate) -> list[str]:
    """Run every check, print a line for each, and give all that is wrong."""
    everything: list[str] = []
    for name, check in CHECKS.items():
        what, wrong = _guarded(check, package)
        everything += wrong
        say(f"{name:16}{'same' if not wrong else 'DIFFERENT':11}{what}")
        for line in wrong:
            say(f"  - {line}")
    return everything


def _guarded(check: Check, package: Crate) -> tuple[str, list[str]]:
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


def verify_and_print(path: Path, rerun_count: int, choice: int | None, datasets: Path) -> int:
    """Check a package and print what was found; return the exit code of `noisegrid verify`.

    Parameters
    ----------
    path : Path
        The zip.
    rerun_count : int
        How many replicates to train again.
    choice : int or None
        Number that decides which ones.
    datasets : Path
        Folder of prepared datasets.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        package = opened(path, Path(folder))
        say(package.title)
        wrong = verify(package)
        if rerun_count and not wrong:
            wrong += rerun.rerun(package, rerun_count, choice, datasets)
        elif rerun_count:
            package.note("nothing was trained again, since the package is not what it says")
    for note in package.notes:
        say(f"note: {note}")
    verdict = "same" if not wrong else f"DIFFERENT: {len(wrong)} findings, see above"
    print(f"{path}: {verdict} ({time.monotonic() - began:.0f} s)", file=sys.stderr if wrong else sys.stdout)
    return 1 if wrong else 0
