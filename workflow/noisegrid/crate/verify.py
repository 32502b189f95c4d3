"""Verify every number in a crate, without a GPU and without PyTorch. Nothing in the crate is run or unpickled.

Every checksum is compared. Every record is checked against its schema, cell, seeds and files. The metrics are computed
again from the predictions (and from the weights, if the crate contains them). Tables, claims, findings and figures are
made again from metrics.csv and overhead.csv. If other code wrote the crate, it may have made these otherwise, and
metrics that the code installed here computes in addition may be missing: both are noted, and do not count.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from noisegrid.crate import check_contents, check_metrics, check_products, check_records, rerun
from noisegrid.crate.crate import Crate, open_crate
from noisegrid.crate.limits import PROBLEMS
from noisegrid.crate.printing import line, plain_errors, say

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
    """Run every check, print the result and the problems of each, and return all problems.

    Of the problems of a check, at most PROBLEMS are named.
    """
    everything: list[str] = []
    for name, check in CHECKS.items():
        before = len(crate.otherwise)
        what, wrong = _guarded(check, crate)
        everything += wrong
        verdict = "DIFFERENT" if wrong else "other code" if len(crate.otherwise) > before else "same"
        say(f"{name:16}{verdict:11}{what}")
        for problem in wrong:
            say(f"  - {problem}")
    return everything


def _guarded(check: Check, crate: Crate) -> tuple[str, list[str]]:
    """Run a check; report an exception as a problem, because a crate may contain anything."""
    found: list[str] = []
    others = 0
    try:
        what, wrong = check(crate)
        for problem in wrong:
            if len(found) < PROBLEMS:
                found.append(line(problem))
            else:
                others += 1
    except Exception as error:
        return "stopped", [*found, line(crate.words(error))]
    return what, [*found, f"and {others:,} more"] if others else found


def verify_and_print(path: Path, rerun_count: int, choice: int | None, datasets: Path, time_limit: float) -> int:
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
    time_limit : float
        Seconds after which the training of a replicate is stopped.

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
    with plain_errors(), tempfile.TemporaryDirectory() as folder:
        crate = open_crate(path, Path(folder))
        say(crate.title)
        wrong = verify(crate)
        if rerun_count and not wrong:
            wrong += rerun.rerun(crate, rerun_count, choice, datasets, time_limit)
        elif rerun_count:
            crate.note("nothing was trained again, because the crate has differences")
    for note in crate.notes:
        say(f"note: {note}")
    verdict = "same" if not wrong else f"DIFFERENT: {len(wrong)} differences, see above"
    if crate.otherwise and not wrong:
        verdict += f", but {' and '.join(crate.otherwise)} were not confirmed, see above"
    say(f"{path}: {verdict} ({time.monotonic() - began:.0f} s)", error=bool(wrong))
    return 1 if wrong else 0
