"""Replicates of a study of noisegrid as runs: those of one cell, all finished, and independent of each other.

The seeds of free sources differ between tasks, so replicates are not paired by default. `--seed replicate` pairs those
of two kinds of hardware, which have the same seeds, and `--where repeat=0 --seed seed_set` those of two tasks that hold
the same seeds.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from noisegrid.common.errors import NoisegridError
from noisegrid.common.escape import terminal
from noisegrid.reading.kinds import Described, check_alike, select
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import CONDITION
from noisegrid.study.sources import CROSSED, holds_seeds

#: What identifies a cell.
CELL = ("study", "hardware", "task", "noise")
#: The name and the value with which the finished replicates of a cell that has lost others are chosen.
FINISHED = ("outcome", "finished")
D = TypeVar("D", bound=Described)


@contextmanager
def as_cannot_judge() -> Iterator[None]:
    """Raise any NoisegridError as CannotJudge."""
    try:
        yield
    except CannotJudge:
        raise
    except NoisegridError as error:
        raise CannotJudge(terminal(str(error))) from error


def described(cell: Mapping[str, str], replicate: int, seed_sets: int) -> dict[str, str]:
    """Return what is known of a replicate before it is read.

    Parameters
    ----------
    cell : mapping of str to str
        The names of the study, the hardware, the task and the noise.
    replicate : int
        The number of the replicate.
    seed_sets : int
        The number of seed sets of the cell.

    Returns
    -------
    dict
        The names in `cell`, the name and the number of the replicate, and its outcome. If the cell holds seeds, also
        the seed set, and the number of the replicate among those of this set, `repeat`.
    """
    names = {name: cell[name] for name in CELL}
    number = {"run": "/".join((*names.values(), str(replicate))), "replicate": str(replicate)}
    sets = {"seed_set": str(replicate % seed_sets), "repeat": str(replicate // seed_sets)}
    return names | number | dict([FINISHED]) | (sets if holds_seeds(cell["noise"]) else {})


def chosen(found: Sequence[D], where: Sequence[tuple[str, str]], origin: str) -> list[D]:
    """Return the replicates that have the wanted values, with the condition under which their results hold.

    Raises
    ------
    CannotJudge
        If none is left, or if they are of several cells, or if they share seeds.
    """
    return together(select(found, where), origin)


def together(found: Sequence[D], origin: str) -> list[D]:
    """Return runs that are judged together; replicates with the condition under which their results hold.

    Runs that are not replicates of noisegrid stay as they are.

    Raises
    ------
    CannotJudge
        If the replicates are of several cells, or if they share seeds.
    """
    replicates = [each for each in found if _is_replicate(each)]
    check_alike(replicates, CELL, origin)
    _check_independent(replicates)
    sets = {each.constants.get("seed_set") for each in replicates}
    if len(replicates) < 2 or None in sets or len(sets) > 1:
        return list(found)
    condition = {CONDITION: "conditional on one seed set"}
    return [replace(each, constants={**each.constants, **condition}) if _is_replicate(each) else each for each in found]


def _is_replicate(run: Described) -> bool:
    return run.constants.keys() >= {*CELL, "replicate"}


def _check_independent(found: Sequence[Described]) -> None:
    """Raise CannotJudge if replicates share seeds that their cell varies."""
    first = dict[str, Mapping[str, str]]()
    for each in (one.constants for one in found):
        if each["noise"] == CROSSED and len(found) > 1:
            raise CannotJudge(
                f"{_name(each)}: the replicates of a crossed cell share seeds on purpose, so they are not independent "
                "runs; judge a cell with another noise"
            )
        if "seed_set" not in each:
            continue
        other = first.setdefault(each["seed_set"], each)
        if other is not each and len({one.constants["seed_set"] for one in found}) > 1:
            raise CannotJudge(
                f"{_name(each)}: replicates {other['replicate']} and {each['replicate']} share the seeds that seed set "
                f"{each['seed_set']} holds, so they are not independent runs; choose one replicate of each set with "
                "--where repeat=0"
            )


def check_complete(cell: Mapping[str, str], lost: Mapping[str, Sequence[int] | int], where: Sequence[tuple]) -> None:
    """Raise CannotJudge if a cell has lost replicates, unless its finished ones are chosen.

    Parameters
    ----------
    cell : mapping of str to str
        The names of the cell.
    lost : mapping of str to (sequence of int or int)
        The numbers of the lost replicates under the keys `diverged` and `failed`, or how many there are.
    where : sequence of (str, str)
        Names, and the values that replicates must have.
    """
    parts = [
        f"{len(which)} {fate} ({', '.join(map(str, which))})" if isinstance(which, Sequence) else f"{which} {fate}"
        for fate, which in lost.items()
        if which
    ]
    if parts and FINISHED not in where:
        raise CannotJudge(
            f"{_name(cell)}: some replicates have no result: {' and '.join(parts)}; to judge the finished ones, add "
            f"--where {'='.join(FINISHED)} on both sides alike, and say so where you report the result"
        )


def _name(cell: Mapping[str, str]) -> str:
    return terminal("/".join(cell[name] for name in CELL))
