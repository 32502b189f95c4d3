"""Verify every number in a crate, without a GPU and without PyTorch. Nothing in the crate is run or unpickled.

Every checksum is compared. Every record is checked against its schema, cell, seeds and files. The metrics are computed
again from the predictions (and from the weights, if the crate contains them). Tables, claims, findings and figures are
made again from metrics.csv and overhead.csv. If other code wrote the crate, it may have made these otherwise, and
metrics that the code installed here computes in addition may be missing: both are noted, and do not count.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from noisegrid.crate import check_contents, check_metrics, check_products, check_records, chosen, rerun
from noisegrid.crate.crate import ABSENT, Crate, open_crate
from noisegrid.crate.limits import PROBLEMS
from noisegrid.crate.printing import line, plain_errors, say

#: The exit code if nothing that was trained again ended with the same bits: as in `gate` and `replay`, the question
#: cannot be judged here.
NOT_REPRODUCED = 6
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


#: The checks of metrics.csv and overhead.csv, and the checks of files that are made from these.
OF_NUMBERS, FROM_NUMBERS = ("metrics", "collected"), ("tables, claims", "findings", "figures")


def verify(crate: Crate) -> list[str]:
    """Run every check, print the result and the problems of each, and return the problems.

    Of the problems of a check, at most PROBLEMS are returned; the others are counted in the crate. What is made from
    wrong numbers is not judged.
    """
    everything, wrong_numbers = list[str](), False
    for name, check in CHECKS.items():
        if wrong_numbers and name in FROM_NUMBERS:
            say(f"{name:16}{'not judged':11}made from the numbers, which differ, see above")
            continue
        before = len(crate.unconfirmed)
        what, wrong, unnamed = _guarded(check, crate)
        crate.unnamed += unnamed
        everything += wrong
        wrong_numbers |= bool(wrong) and name in OF_NUMBERS
        if what == ABSENT and not wrong:
            crate.absent.append(name)
            say(f"{name:16}{ABSENT}")
            continue
        if what == check_products.NOT_COMPARED:
            say(f"{name:16}{what}")
            continue
        verdict = "DIFFERENT" if wrong else "other code" if len(crate.unconfirmed) > before else "same"
        say(f"{name:16}{verdict:11}{what}")
        for problem in wrong:
            say(f"  - {problem}")
        if unnamed:
            say(f"  - and {unnamed:,} more")
    return everything


def _guarded(check: Check, crate: Crate) -> tuple[str, list[str], int]:
    """Run a check, and return its summary, the first PROBLEMS problems, and the number of the others.

    An exception is a problem, because a crate may contain anything.
    """
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
        return "stopped", [*found, line(crate.words(error))], others
    return what, found, others


def verify_and_print(
    path: Path, wanted: Sequence[int | str], choice: int | None, datasets: Path, time_limit: float
) -> int:
    """Verify a crate, print the result, and return the exit code of `noisegrid verify`.

    Parameters
    ----------
    path : Path
        The zip.
    wanted : sequence of (int or str)
        How many replicates to choose at random and train again, and the names of others to train again.
    choice : int or None
        The seed for choosing the replicates. If `None`, a random seed is used.
    datasets : Path
        The folder that contains the prepared datasets.
    time_limit : float
        Seconds after which the training of a replicate is stopped.

    Returns
    -------
    int
        1 if anything differs. Otherwise, NOT_REPRODUCED if replicates were to be trained again and none ended with the
        same bits, and 0 else.

    Raises
    ------
    NoisegridError
        If the file is not a crate, or is not safe to unpack, or lacks a replicate to train again.
    """
    began, again = time.monotonic(), None
    with plain_errors(), tempfile.TemporaryDirectory() as folder:
        crate = open_crate(path, Path(folder))
        chosen.check_names(crate, wanted)
        say(crate.title)
        wrong = verify(crate)
        if wrong and wanted:
            crate.note("nothing was trained again, because the crate has differences")
        elif wanted:
            again = rerun.rerun(crate, wanted, choice, datasets, time_limit)
            wrong = again.wrong
        elif not wrong:
            chosen.suggest(crate)
    for note in crate.notes:
        say(f"note: {note}")
    say(f"{path}: {_verdict(crate, wrong, again)} ({time.monotonic() - began:.0f} s)", error=bool(wrong))
    return 1 if wrong else NOT_REPRODUCED if again and not again.same else 0


def _verdict(crate: Crate, wrong: list[str], again: rerun.Again | None) -> str:
    """Return the last line of `noisegrid verify`, which must be true of the crate without the lines above it."""
    if wrong:
        count = len(wrong) + crate.unnamed
        return f"DIFFERENT: {count:,} difference{'' if count == 1 else 's'}, see above; the first: {wrong[0]}"
    verdict = "same"
    if not crate.about["finished"]:
        lacks = ", ".join(name for name in crate.absent if name != "collected")
        verdict += f", as far as this partly finished crate goes{f': it has no {lacks}' if lacks else ''}"
    if crate.unconfirmed:
        *others, last = crate.unconfirmed
        named = f"{', '.join(others)} and {last}" if others else last
        verdict += f", but {named} were not confirmed, see above"
    if again:
        verdict += f"{', and' if again.same else ', but'} {again.words}"
    return verdict
