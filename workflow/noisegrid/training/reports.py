"""Reports of how far the replicates of a job have come.

A replicate's process writes three numbers into memory that it shares with the process of the job, after every step. The
process of the job writes them to disk from time to time. Training therefore never waits for a file system.
"""

import ctypes
import math
import time
from collections.abc import Callable, Iterable
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import RawArray
from typing import Any

from noisegrid.common import locks
from noisegrid.data.prepared import Dataset
from noisegrid.records import progress_file
from noisegrid.records.progress_file import Reached
from noisegrid.training.replicate import Job

#: A progress file is written when an epoch has finished, but at most every SHORTEST_S seconds; within an epoch, every
#: LONGEST_S seconds.
SHORTEST_S, LONGEST_S = 2.0, 10.0


class Numbers(ctypes.Structure):
    """How far a replicate has come: finished epochs, the finished part of the current epoch, and the last loss."""

    _fields_ = (("epoch", ctypes.c_long), ("part", ctypes.c_double), ("loss", ctypes.c_double))


class Reports:
    """The reports of the replicates of a job."""

    def __init__(self, jobs: list[Job]) -> None:
        self.places = {job.name: place for place, job in enumerate(jobs)}
        self.numbers = RawArray(Numbers, len(jobs))  # all zero, which means that no step has been taken
        self.written: dict[str, tuple[float, int]] = {}

    @property
    def epochs(self) -> int:
        """The number of finished epochs of all replicates together."""
        return sum(one.epoch for one in self.numbers)

    def reporter(self, job: Job, data: Dataset) -> Callable[[Any], None]:
        """Return a function for the process of a replicate, to be called with the run after every step."""
        mine, task = self.numbers[self.places[job.name]], job.run.task
        steps = math.ceil(data.count("train", task.context) / task.batch_size)

        def report(run: Any) -> None:
            mine.loss = run.history[-1]["train_loss"] if run.history else math.nan
            mine.epoch, mine.part = run.epoch, run.step / steps

        return report

    def write(self, running: Iterable[tuple[Job, BaseProcess]]) -> None:
        """Write the progress files of the running replicates that have news and are due."""
        now = time.monotonic()
        for job, process in running:
            one = self.numbers[self.places[job.name]]
            last, epoch = self.written.get(job.name, (-math.inf, 0))
            is_due = now - last >= (LONGEST_S if one.epoch == epoch else SHORTEST_S)
            # without a step, the replicate may be waiting for another process that trains it
            if is_due and process.pid is not None and (one.epoch or one.part):
                loss = None if math.isnan(one.loss) else one.loss
                holder = locks.description(process.pid)
                progress_file.write(job.folder, Reached(holder, one.epoch, job.run.task.epochs, one.part, loss))
                self.written[job.name] = now, one.epoch

    def end(self, job: Job) -> None:
        """Count all epochs of a replicate whose process has ended, and delete its progress file."""
        self.numbers[self.places[job.name]].epoch = job.run.task.epochs
        if self.written.pop(job.name, None):
            progress_file.remove(job.folder)
