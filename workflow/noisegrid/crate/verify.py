"""Verify every number in a crate, without a GPU and without PyTorch. Nothing in the crate is run or unpickled.

Every checksum is compared. Every record is checked against its schema, cell, seeds and files. The metrics are computed
again from the predictions (and from the weights, if the crate contains them). Tables, claims, findings and figures are
made again from metrics.csv and overhead.csv.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from noisegrid.crate import check_contents, check_metrics, check_products, check_records, rerun
from noisegrid.crate.crate import Crate, open_crate

#: A function that takes a crate and returns a summary of what was checked, and an iterator over the problems.
Check = Callable[[Crate], tuple[str, Iterator[str]]]
#: All checks, in the order in which they run. The order matters, because later checks rely on earlier ones.
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


def verify(crate: Crate) -> list[str]:
    """Run every check, print the result and the problems of each, and return all problems."""
    everything: list[str] = []
    for name, check in CHECKS.items():
        what, wrong = _guarded(check, crate)
        everything += wrong
        say(f"{name:16}{'same' if not wrong else 'DIFFERENT':11}{what}")
        for line in wrong:
            say(f"  - {line}")
    return everything


def _guarded(check: Check, crate: Crate) -> tuple[str, list[str]]:
    """Run a check; report an exception as a problem, because a crate may contain anything."""
    found: list[str] = []
    try:
        what, wrong = check(crate)
        for line in wrong:
            found.append(line)
    except Exception as error:
        return "stopped", [*found, crate.words(error)]
    return what, found


def say(line: str) -> None:
    """Print a line, with control characters replaced so that text from a crate cannot hide other lines."""
    print("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line), flush=True)


def verify_and_print(path: Path, rerun_count: int, choice: int | None, datasets: Path) -> int:
    """Verify a crate, print the result, and return the exit code of `noisegrid verify`.

    Parameters
    ----------
    path : Path
        The zip.
    rerun_count : int
        The number of replicates to train again.
    choice : int or None
        The seed for choosing the replicates. If `None`, a random seed is used.
    datasets : Path
        The folder that contains the prepared datasets.

    Returns
    -------
    int
        0 if everything is the same, 1 otherwise.

    Raises
    ------
    NoisegridError
        If the file is not a crate, or is not safe to unpack.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        crate = open_crate(path, Path(folder))
        say(crate.title)
        wrong = verify(crate)
        if rerun_count and not wrong:
            wrong += rerun.rerun(crate, rerun_count, choice, datasets)
        elif rerun_count:
            crate.note("nothing was trained again, because the crate has differences")
    for note in crate.notes:
        say(f"note: {note}")
    verdict = "same" if not wrong else f"DIFFERENT: {len(wrong)} differences, see above"
    print(f"{path}: {verdict} ({time.monotonic() - began:.0f} s)", file=sys.stderr if wrong else sys.stdout)
    return 1 if wrong else 0
