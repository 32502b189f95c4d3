"""The packing of replicates into training jobs. A job gets as many replicates as fit into its run time."""

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from noisegrid.planning import estimate
from noisegrid.planning.site import Site
from noisegrid.runtime.hardware import gpus_per_job
from noisegrid.study.chunk import Chunk, split
from noisegrid.study.study import Study

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

    def chunks(self, hardware: str, task: str) -> list[Chunk]:
        """Return the chunks of a task on the given hardware, one for each training job."""
        return self._packed[hardware, task]

    @cached_property
    def _packed(self) -> dict[tuple[str, str], list[Chunk]]:
        """The chunks of every task on every hardware entry, computed once, because thousands of jobs need them."""
        return {names: self._pack(*names) for names in self.study.tasks}

    def _pack(self, hardware: str, task: str) -> list[Chunk]:
        cells = self.study.siblings(hardware, task)
        count = max(cell.replicates for cell in cells)
        size = self.config["replicates_per_job"] or self._fitting(hardware, task, len(cells))
        if size >= 1:
            return split(count, size)
        size = max(1, self._fitting(hardware, task, cells=1))
        return [chunk for cell in cells for chunk in split(cell.replicates, size, cell.noise)]

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
        return 1 if gpus_per_job(hardware) else max(1, self.config["threads_per_job"] // pace.threads)

    def longest_job_hours(self, line: estimate.Estimate) -> float:
        """Return the hours that the longest job of a task takes on the given hardware, or 0 if the pace is unknown."""
        if line.pace is None:
            return 0.0
        names = line.hardware, line.task
        runs = [len(chunk.numbers) * len(self.study.siblings(*names, chunk)) for chunk in self.chunks(*names)]
        return line.pace.hours * max(runs) / self._at_a_time(line.hardware, line.pace)
