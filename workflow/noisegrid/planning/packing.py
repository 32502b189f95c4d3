"""The packing of replicates into training jobs.

On a cluster, a job gets as many replicates of one task as fit into its run time. On one machine, a single job trains
all cells on the CPU, because every further job would import PyTorch again.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from noisegrid.common.paths import StudyPaths
from noisegrid.planning import estimate
from noisegrid.planning.site import Site
from noisegrid.runtime.hardware import entry, gpus_per_job
from noisegrid.study.chunk import Chunk, split
from noisegrid.study.processes import most_cores
from noisegrid.study.sharing import on_one_device
from noisegrid.study.study import Cell, Study

#: If the pace is unknown, a job gets USUAL_REPLICATES_PER_JOB replicates of every noise. It gets more if the study
#: would otherwise have more than MANY_JOBS jobs.
USUAL_REPLICATES_PER_JOB, MANY_JOBS = 10, 300
#: The share of a job's time that is filled with replicates. The rest is a reserve, because nodes differ in speed and an
#: unfinished job must be submitted again.
PLANNED = 0.8


@dataclass(frozen=True)
class Packing:
    """The assignment of a study's replicates to training jobs."""

    study: Study
    config: dict[str, Any]
    site: Site

    def chunks(self, hardware: str) -> list[Chunk]:
        """Return the chunks of a hardware entry, one for each training job."""
        return self._packed[hardware]

    def chunks_of(self, hardware: str, task: str, noise: str | None = None) -> list[Chunk]:
        """Return the chunks with replicates of a task on the given hardware, for one noise or for all noises."""
        return [chunk for chunk in self._by_task[hardware, task] if chunk.holds(task, noise)]

    @cached_property
    def _packed(self) -> dict[str, list[Chunk]]:
        """The chunks of every hardware entry, computed once, because thousands of jobs need them."""
        return {hardware: self._pack(hardware) for hardware in self.study.values("hardware")}

    @cached_property
    def _by_task(self) -> dict[tuple[str, str], list[Chunk]]:
        """The chunks of every task on every hardware entry."""
        return {(h, task): [c for c in self.chunks(h) if c.holds(task)] for h, task in self.study.tasks}

    def _pack(self, hardware: str) -> list[Chunk]:
        """Return the chunks of a hardware entry.

        If all jobs of the other way of packing are finished, return its chunks: what a cluster has trained is not
        listed again on one machine.
        """
        if entry(hardware).is_cuda:  # GPU jobs stay small even on one machine, because several GPUs share them
            return self._by_tasks(hardware)
        ways = [self._by_tasks(hardware), self._as_a_whole(hardware)]
        if self.config["job_per"] == "device":
            ways.reverse()
        return next((chunks for chunks in ways if self._is_finished(hardware, chunks)), ways[0])

    def _is_finished(self, hardware: str, chunks: list[Chunk]) -> bool:
        paths = StudyPaths(self.config["results"], self.study.name)
        return all(Path(paths.chunk(hardware, chunk.name)).exists() for chunk in chunks)

    def _as_a_whole(self, hardware: str) -> list[Chunk]:
        count = max(cell.replicates for cell in self.study.cells if cell.hardware == hardware)
        return split(count, self.config["replicates_per_job"] or count)

    def _by_tasks(self, hardware: str) -> list[Chunk]:
        tasks = [task for name, task in self.study.tasks if name == hardware]
        return [chunk for task in tasks for chunk in self._pack_task(hardware, task)]

    def _pack_task(self, hardware: str, task: str) -> list[Chunk]:
        cells = self.study.siblings(hardware, task)
        count = max(cell.replicates for cell in cells)
        size = self.config["replicates_per_job"] or self._fitting(hardware, task, len(cells))
        if size >= 1:
            return split(count, size, task)
        size = max(1, self._fitting(hardware, task, cells=1))
        return [chunk for cell in cells for chunk in split(cell.replicates, size, task, cell.noise)]

    def _fitting(self, hardware: str, task: str, cells: int) -> int:
        """Return how many replicates of each cell fit into one job that trains `cells` cells of a task.

        If the pace is unknown, return a usual number (see USUAL_REPLICATES_PER_JOB).
        """
        pace = estimate.pace(self.study, hardware, task, Path(self.config["results"]))
        if pace is None:
            return max(USUAL_REPLICATES_PER_JOB, math.ceil(self._wanted / MANY_JOBS))
        hours = PLANNED * self._at_a_time(hardware, pace) * self.site.settings["minutes_per_job"] / 60
        return int(hours / (pace.hours * cells))

    @cached_property
    def _wanted(self) -> int:
        """The number of replicates of the largest cell of each task on each hardware, summed over the whole study."""
        return sum(max(cell.replicates for cell in self.study.siblings(*names)) for names in self.study.tasks)

    def _at_a_time(self, hardware: str, pace: estimate.Pace) -> int:
        """Return how many replicates a job trains at the same time."""
        if gpus_per_job(hardware):
            return self.study.share_gpu
        return max(1, self.config["threads_per_job"] // pace.threads)

    def cores(self, hardware: str, cells: list[Cell]) -> int:
        """Return the number of cores of a job that trains replicates of the given cells of one task.

        There is at least one core for each replicate that trains on a GPU at the same time, and at least as many as the
        largest replicate needs, which may have several processes.
        """
        largest = max(most_cores(cell.settings) for cell in cells)
        return max(int(self.config["threads_per_job"]), on_one_device(self.study.share_gpu, hardware), largest)

    def longest_job_hours(self, line: estimate.Estimate) -> float:
        """Return the hours that the longest job of a task takes on the given hardware, or 0 if the pace is unknown."""
        if line.pace is None:
            return 0.0
        chunks = self.chunks_of(line.hardware, line.task)
        runs = [len(chunk.numbers) * len(self.study.cells_of(line.hardware, chunk)) for chunk in chunks]
        return line.pace.hours * math.ceil(max(runs) / self._at_a_time(line.hardware, line.pace))
