"""The progress of a study, read from disk.

`noisegrid status` prints the progress in any terminal, while the study runs or afterwards.
"""

import shlex
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from noisegrid.common import locks
from noisegrid.common.escape import terminal
from noisegrid.common.paths import StudyPaths
from noisegrid.common.progress import duration
from noisegrid.records import chunk_file, progress_file, record
from noisegrid.records.damage import damaged
from noisegrid.records.progress_file import Reached
from noisegrid.records.record import replicate_folder
from noisegrid.study.study import Cell, Study

#: The pace is computed from this many replicates: those that finished last. Earlier replicates may belong to cells with
#: a different pace.
RECENT = 50


@dataclass(frozen=True)
class CellStatus:
    """The state of a cell's replicates.

    Attributes
    ----------
    cell : Cell
        The cell.
    finished_at : list of float
        The time at which each finished replicate ended, in seconds since 1970.
    running : dict
        A description of the process that trains each running replicate, with its epoch and loss if they are known,
        keyed by the number of the replicate.
    checkpointed : list of int
        The numbers of unfinished replicates that have a checkpoint and are not running. The next job resumes them.
    diverged : list of int
        The numbers of replicates whose training diverged.
    damaged : dict
        What is wrong with each replicate that should be finished and is missing or damaged, keyed by its number.
    failures : dict
        The reason why each failed replicate failed, keyed by the number of the replicate.
    """

    cell: Cell
    finished_at: list[float]
    running: dict[int, str]
    checkpointed: list[int]
    diverged: list[int]
    damaged: dict[int, str]
    failures: dict[int, str]

    @property
    def left(self) -> int:
        """The number of replicates that have neither finished nor diverged."""
        return self.cell.replicates - len(self.finished_at) - len(self.diverged)


def statuses(study: Study, results: Path, deep: bool = False) -> list[CellStatus]:
    """Return the state of every cell of a study.

    Every record is opened, and the sizes of the files that it lists are compared. If `deep` is true, checksums are
    compared too.
    """
    broken: dict[Cell, dict[int, str]] = {}
    for one in damaged(study, results, deep):
        cell, number = one.replicate
        broken.setdefault(cell, {})[number] = one.why
    diverged = diverged_of(study, results)
    return [_status_of(cell, results, diverged[cell.path], broken.get(cell, {})) for cell in study.cells]


def _status_of(cell: Cell, results: Path, diverged: list[int], broken: dict[int, str]) -> CellStatus:
    finished_at, running, checkpointed, failures = [], {}, [], {}
    for number in range(cell.replicates):
        folder = replicate_folder(results, cell, number)
        finished = folder / "record.json"
        if number in broken:
            continue
        if finished.exists():
            finished_at.append(finished.stat().st_mtime)
        elif owner := locks.owner(folder):
            running[number] = owner + _reached(progress_file.read(folder, owner))
        elif any(record.checkpoint_folder(folder).glob("*.pt")):
            checkpointed.append(number)
        elif (failure := record.failure_file(folder)).exists():
            failures[number] = failure.read_text(encoding="utf-8").strip()
    return CellStatus(cell, finished_at, running, checkpointed, diverged, broken, failures)


def _reached(reached: Reached | None) -> str:
    """Return how far a running replicate has come, to be read after its process; empty if it is not known."""
    if reached is None:
        return ""
    loss = "" if reached.loss is None else f", loss {reached.loss:.3g}"
    return f", epoch {min(reached.epoch + 1, reached.epochs)} of {reached.epochs}{loss}"


def diverged_of(study: Study, results: Path) -> dict[str, list[int]]:
    """Return the numbers of the diverged replicates of every cell, by the cell's path."""
    found: dict[str, set[int]] = {cell.path: set() for cell in study.cells}
    for cells in chunk_file.all_of(study, results).values():  # chunk files of different packings may overlap
        for name, listed in cells.items():
            found.get(name, set()).update(listed["diverged"])
    return {name: sorted(numbers) for name, numbers in found.items()}


def hours_left(cells: list[CellStatus]) -> float | None:
    """Return the hours that the remaining replicates take, or None if this is unknown.

    It is computed from the pace of the replicates that finished last.
    """
    return hours_of([moment for cell in cells for moment in cell.finished_at], sum(cell.left for cell in cells))


def hours_of(finished_at: Iterable[float], left: int) -> float | None:
    """Return the hours that `left` replicates take, given when others finished; None if this is unknown."""
    times = sorted(finished_at)[-RECENT:]
    if len(times) < 2 or times[-1] == times[0]:
        return None
    return (times[-1] - times[0]) / (len(times) - 1) * left / 3600


def summary(study: Study, results: Path, deep: bool = False) -> str:
    """Return one line for each unfinished cell, and for each replicate that is running, failed or damaged.

    The last line is about the whole study. If `deep` is true, checksums are compared too.
    """
    cells = statuses(study, results, deep)
    lines = [f"{'cell':44s} done  running  checkpointed  failed   left"]
    for cell in cells:
        if cell.left:
            numbers = len(cell.finished_at), len(cell.running), len(cell.checkpointed), len(cell.failures), cell.left
            lines.append(
                f"{cell.cell.path:44s} {numbers[0]:4d} {numbers[1]:8d} {numbers[2]:13d} {numbers[3]:7d} {numbers[4]:6d}"
            )
    lines = lines if any(cell.left for cell in cells) else []
    for cell in cells:
        where = f"of {cell.cell.path}"
        lines += [f"running: replicate {number} {where}: {terminal(owner)}" for number, owner in cell.running.items()]
        lines += [f"failed: replicate {number} {where}: {terminal(why)}" for number, why in cell.failures.items()]
        lines += [f"damaged: replicate {number} {where} {terminal(why)}" for number, why in cell.damaged.items()]
    if any(cell.damaged for cell in cells):
        source = shlex.quote(str(study.source))
        lines.append(f"to train damaged replicates again: noisegrid repair {source}, and then Snakemake as before")
    return "\n".join([*lines, _one_line(study, cells, results)])


def _one_line(study: Study, cells: list[CellStatus], results: Path) -> str:
    done, finished = sum(not cell.left for cell in cells), sum(len(cell.finished_at) for cell in cells)
    total = sum(cell.cell.replicates for cell in cells)
    parts = [f"{study.name}: {done} of {len(cells)} cells and {finished} of {total} replicates done"]
    if study.timed_networks:
        paths = StudyPaths(str(results), study.name)
        timed = sum(Path(paths.timed(network.path, "json")).exists() for network in study.timed_networks)
        parts.append(f"{timed} of {len(study.timed_networks)} networks timed")
    running, failed = sum(len(cell.running) for cell in cells), sum(len(cell.failures) for cell in cells)
    broken = sum(len(cell.damaged) for cell in cells)
    parts.append(f"{running} running, {failed} failed" + (f", {broken} damaged" if broken else ""))
    if (hours := hours_left(cells)) and finished < total:
        parts.append(f"about {duration(3600 * hours)} left at the pace of the last replicates")
        newest = max(moment for cell in cells for moment in cell.finished_at)
        parts.append(f"the last replicate finished {duration(max(0.0, time.time() - newest))} ago")
    return "; ".join(parts)
