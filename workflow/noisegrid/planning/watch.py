"""What a live view shows of a study: read from disk again and again, so each look must cost little.

A look lists the folders of unfinished cells and reads the files of running replicates. Records are neither opened nor
checked, apart from that of the replicate that finished last; `noisegrid status` checks them.
"""

import json
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from noisegrid.common import locks
from noisegrid.common.errors import NoisegridError
from noisegrid.common.paths import StudyPaths
from noisegrid.planning.status import diverged_of, hours_of
from noisegrid.records import progress_file, record
from noisegrid.records.chunk_file import Numbered
from noisegrid.records.progress_file import Reached
from noisegrid.records.record import replicate_folder
from noisegrid.study.study import Cell, Study

#: Chunk files, which list diverged replicates, are read again after this many seconds.
CHUNKS_EVERY_S = 10.0
#: The pace is measured over the last PACE_S seconds of watching, once they are at least LEAST_S.
PACE_S, LEAST_S = 300.0, 15.0
#: A replicate that began fewer seconds ago says nothing of the pace.
YOUNG_S = 3.0


@dataclass(frozen=True)
class Running:
    """A replicate that is being trained.

    Attributes
    ----------
    cell : Cell
        Its cell.
    number : int
        Its number.
    process : str
        The process that trains it.
    since : float
        When that process began, in seconds since 1970.
    reached : Reached or None
        How far it has come; None if this is not known.
    """

    cell: Cell
    number: int
    process: str
    since: float
    reached: Reached | None


@dataclass(frozen=True)
class Look:
    """The state of a study at one moment.

    Attributes
    ----------
    study : str
        The name of the study.
    now : float
        The moment, in seconds since 1970.
    cells, cells_done : int
        The number of all cells, and of those that have nothing left to train.
    replicates, finished, diverged : int
        The number of all replicates, of finished ones, and of those whose training diverged.
    running : list of Running
        The replicates that are being trained, those that are furthest first.
    failed : list of (Cell, int) and str
        The replicates that failed and are not being trained again, each with the reason.
    last : (Cell, int) or None
        The replicate that finished last.
    last_at : float
        When it finished, in seconds since 1970.
    last_result : str
        Its result in words; empty if it is not known.
    networks, timed : int
        The number of networks to time, and of those that are timed.
    hours_left : float or None
        The hours that are left to train at the present pace; None if this is not known.
    """

    study: str
    now: float
    cells: int
    cells_done: int
    replicates: int
    finished: int
    diverged: int
    running: list[Running]
    failed: list[tuple[Numbered, str]]
    last: Numbered | None
    last_at: float
    last_result: str
    networks: int
    timed: int
    hours_left: float | None

    @property
    def is_trained(self) -> bool:
        """Whether no replicate is left to train and no network to time."""
        return self.cells_done == self.cells and self.timed == self.networks


@dataclass
class Watch:
    """A study that is watched.

    Attributes
    ----------
    study : Study
        The study.
    results : Path
        The folder of all results.
    """

    study: Study
    results: Path
    finished: dict[Numbered, float] = field(default_factory=dict)
    diverged: dict[str, list[int]] = field(default_factory=dict)
    seen: deque[tuple[float, float]] = field(default_factory=deque)
    chunks_at: float = 0.0
    result: tuple[Numbered | None, str] = (None, "")

    def look(self, now: float | None = None) -> Look:
        """Return the present state; `now` is the time in seconds since 1970."""
        now = time.time() if now is None else now
        self._read_chunks(now)
        running, failed, done = list[Running](), list[tuple[Numbered, str]](), 0
        for cell in self.study.cells:
            if self._left(cell):
                found = self._look_at(cell)
                running += found[0]
                failed += found[1]
            done += not self._left(cell)
        last = max(self.finished, key=lambda one: self.finished[one], default=None)
        if last != self.result[0]:
            self.result = last, self._result_of(last)
        paths = StudyPaths(str(self.results), self.study.name)
        timed = sum(Path(paths.timed(network.path, "json")).exists() for network in self.study.timed_networks)
        return Look(
            study=self.study.name,
            now=now,
            cells=len(self.study.cells),
            cells_done=done,
            replicates=sum(cell.replicates for cell in self.study.cells),
            finished=len(self.finished),
            diverged=sum(map(len, self.diverged.values())),
            running=sorted(running, key=lambda one: -(one.reached.share if one.reached else 0)),
            failed=failed,
            last=last,
            last_at=self.finished[last] if last else 0.0,
            last_result=self.result[1],
            networks=len(self.study.timed_networks),
            timed=timed,
            hours_left=self._hours_left(now, running),
        )

    def _left(self, cell: Cell) -> int:
        """Return the number of replicates of a cell that have neither finished nor diverged."""
        finished = sum((cell, number) in self.finished for number in range(cell.replicates))
        return cell.replicates - finished - len(self.diverged.get(cell.path, []))

    def _look_at(self, cell: Cell) -> tuple[list[Running], list[tuple[Numbered, str]]]:
        """Note the finished replicates of a cell, and return the running and the failed ones."""
        running, failed = list[Running](), list[tuple[Numbered, str]]()
        place = replicate_folder(self.results, cell, 0).parent
        try:
            names = {path.name for path in place.iterdir()}
        except OSError:
            return running, failed
        for number in range(cell.replicates):
            folder = place / str(number)
            if (cell, number) in self.finished:
                continue
            if folder.name in names:  # a folder appears complete
                self.finished[cell, number] = _changed(folder / "record.json")
            elif locks.lock_file(folder).name in names and (process := locks.owner(folder)):
                since = _changed(locks.lock_file(folder))
                running.append(Running(cell, number, process, since, progress_file.read(folder, process)))
            elif (failure := record.failure_file(folder)).name in names:
                failed.append(((cell, number), _text(failure)))
        return running, failed

    def _read_chunks(self, now: float) -> None:
        """Read the chunk files if this is due; a damaged one is for `noisegrid status` to name."""
        if now - self.chunks_at >= CHUNKS_EVERY_S:
            self.chunks_at = now
            try:
                self.diverged = diverged_of(self.study, self.results)
            except NoisegridError:
                return

    def _result_of(self, one: Numbered | None) -> str:
        """Return the result of a finished replicate in words, or an empty string."""
        if one is None:
            return ""
        try:
            found = json.loads((replicate_folder(self.results, *one) / "record.json").read_text())["results"]
        except (OSError, ValueError, KeyError, TypeError):
            return ""
        if "test_accuracy_percent" in found:
            return f"accuracy {found['test_accuracy_percent']:.1f} %"
        return f"RMSE {found['test_rmse']:.4g}" if "test_rmse" in found else ""

    def _hours_left(self, now: float, running: list[Running]) -> float | None:
        """Return the hours that are left.

        They go by what was done while watching, parts of replicates included. Before that is long enough, they go by
        the times at which the last replicates finished or, if there are none, by what running replicates did so far.
        """
        replicates = sum(cell.replicates for cell in self.study.cells)
        done = len(self.finished) + sum(map(len, self.diverged.values()))
        reached = done + sum(one.reached.share for one in running if one.reached)
        self.seen.append((now, reached))
        while now - self.seen[0][0] > PACE_S:
            self.seen.popleft()
        began, before = self.seen[0]
        if now - began >= LEAST_S and reached > before:
            return (now - began) / (reached - before) * (replicates - reached) / 3600
        known = hours_of(self.finished.values(), replicates - done)
        per_s = sum(
            one.reached.share / (now - one.since) for one in running if one.reached and now - one.since > YOUNG_S
        )
        return (replicates - reached) / per_s / 3600 if known is None and per_s else known


def _changed(path: Path) -> float:
    """Return when a file was last changed, or 0 if it is not there any more."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
