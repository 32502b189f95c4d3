"""Crossed cells: every level of each source meets every level of all other sources, once.

A level of a source is one seed; on a CPU, a level of `impl` is one combination of instruction sets and threads. From a
crossed cell, stats/components.py computes which share of the noise comes from each source and from each interaction.
"""

import math
from typing import Any

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.study.choices import choices
from noisegrid.study.missing import why_missing
from noisegrid.study.processes import process_choices
from noisegrid.study.settings import Hardware, Task
from noisegrid.study.sources import PROBES, SOURCES, UNSEEDED_ON_CUDA

#: The keys of a block of cells that `crossed` replaces.
REPLACED = ("noise", "replicates", "seed_sets")
#: The largest number of replicates of a cell.
MOST_REPLICATES = 100_000


def of_block(block: dict[str, Any], where: str) -> dict[str, int]:
    """Return the number of levels of each source that a block crosses, in the order of the registry.

    Parameters
    ----------
    block : dict
        The block of cells of a study file. Without the key `crossed`, the result is empty.
    where : str
        The file and the block, for error messages.

    Raises
    ------
    NoisegridError
        If the block also has a key that `crossed` replaces, or if its sources or levels are impossible.
    """
    if "crossed" not in block:
        return {}
    crossed = block["crossed"]
    if both := [key for key in REPLACED if key in block]:
        raise NoisegridError(
            f"{where}: `crossed` already says which sources are free and how many replicates there are; remove "
            f"{', '.join(both)}, or move them to a block of their own"
        )
    if problem := problem_of(crossed):
        raise NoisegridError(f"{where}.crossed: {problem}")
    return {source: crossed[source] for source in (*SOURCES, *PROBES) if source in crossed}


def problem_of(crossed: dict[str, int]) -> str:
    """Return what is wrong with the sources or levels of a crossed cell; an empty text if nothing is."""
    known = (*SOURCES, *PROBES)
    for source, count in crossed.items():
        if source not in known:
            return unknown("source", source, known)
        if count < 2:
            return (
                f"{source} has only {count} level, so it does not vary; hold it instead: remove {source} from `crossed`"
            )
    if len(crossed) < 2:
        name = next(iter(crossed), "init")
        return f"it needs at least two sources; for one source alone, write noise: [{name}] and replicates instead"
    if (count := math.prod(crossed.values())) > MOST_REPLICATES:
        return (
            f"it has {count:,} replicates, the product of the levels; write fewer levels, at most {MOST_REPLICATES:,}"
        )
    return ""


def check(task: str, settings: dict[str, Any], where: str) -> None:
    """Raise NoisegridError if a crossed source has no effect or no repeatable levels with these settings.

    Parameters
    ----------
    task : str
        The name of the task, for the message.
    settings : dict
        The settings of the cell.
    where : str
        The file and the block, for the message.
    """
    recipe, hardware = Task.of(settings["task"]), Hardware.of(settings["hardware"])
    for source, count in settings["crossed"].items():
        if problem := problem_of_source(source, count, recipe, hardware):
            raise NoisegridError(f"{where}.crossed: {problem.format(task=f'task {task}')}")


def problem_of_source(source: str, count: int, task: Task, hardware: Hardware) -> str:
    """Return why a source cannot be crossed with this task on this hardware; an empty text if it can.

    `{task}` in the text stands for the task.
    """
    if hardware.is_cuda and source in UNSEEDED_ON_CUDA:
        return f"on CUDA, {source} has no seed, so none of its levels could be repeated; remove it"
    if why := why_missing(source, task, hardware):
        return f"{{task}} {why}, so {source} would measure nothing; remove it"
    if source == "impl":
        most = math.prod(len(values) for values in hardware.kernels["free"].values())
        return _too_many(source, count, most, "combinations of kernels")
    values = choices(source, hardware) or process_choices(task, {source}).get(source, ())
    return _too_many(source, count, len(values), f"values ({', '.join(map(str, values))})") if values else ""


def _too_many(source: str, count: int, most: int, noun: str) -> str:
    """Return that a source has more levels than there are different ones; an empty text if it has not."""
    return f"{source} has {count} levels, but there are only {most} {noun}; write fewer" if count > most else ""
