"""What a study costs: time, memory, disk, files and money, for each task, for each hardware, and in all.

What is not known is None, and so is every sum over it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisegrid.planning import estimate
from noisegrid.planning.plan import Plan
from noisegrid.planning.storage import stored
from noisegrid.runtime.hardware import entry
from noisegrid.study.recipes import least_memory_gb

#: The number of attempts that slurm/config.yaml allows a job. Each attempt gets more time.
ATTEMPTS = 3
#: The files of a training job: its chunk file and its log.
FILES_OF_JOB = 2


@dataclass(frozen=True)
class TaskCost:
    """What a task costs on one kind of hardware.

    Attributes
    ----------
    task : str
        The name of the task.
    cells, replicates, jobs : int
        The numbers of its cells, of their replicates and of the training jobs.
    hours_each, hours : float or None
        The hours of one device that a replicate takes, and that all of them take.
    is_measured : bool
        Whether a pilot measured these hours. Otherwise, the catalog's numbers give them.
    hours_of_job : float or None
        The hours of the longest job.
    memory_gb : float or None
        The least device memory of a training step.
    bytes : int or None
        The space that all replicates take on disk.
    files : int
        The number of files of all replicates and jobs.
    """

    task: str
    cells: int
    replicates: int
    jobs: int
    hours_each: float | None
    hours: float | None
    is_measured: bool
    hours_of_job: float | None
    memory_gb: float | None
    bytes: int | None
    files: int


@dataclass(frozen=True)
class HardwareCost:
    """What a study costs on one kind of hardware.

    Attributes
    ----------
    hardware : str
        The name of the hardware entry.
    tasks : list of TaskCost
        What each of its tasks costs.
    jobs, timing_jobs : int
        The numbers of jobs that train, and that time networks.
    asks : dict
        What a training job asks SLURM for: gpus, gpu (its model), cores, memory_mb, minutes, partition and account.
    price_per_hour : float or None
        The price of an hour of one device, as slurm/site.yaml states it.
    """

    hardware: str
    tasks: list[TaskCost]
    jobs: int
    timing_jobs: int
    asks: dict[str, Any]
    price_per_hour: float | None

    @property
    def hours(self) -> float | None:
        """The hours of one device that all replicates take."""
        return total(task.hours for task in self.tasks)

    @property
    def price(self) -> float | None:
        """The price of these hours."""
        return None if self.hours is None or self.price_per_hour is None else self.hours * self.price_per_hour


@dataclass(frozen=True)
class Costs:
    """What a study costs.

    Attributes
    ----------
    study : str
        The name of the study.
    hardware : list of HardwareCost
        What it costs on each kind of hardware.
    currency : str
        The currency of the prices; empty if slurm/site.yaml names none.
    """

    study: str
    hardware: list[HardwareCost]
    currency: str = ""

    @property
    def tasks(self) -> list[TaskCost]:
        """The costs of all tasks on all kinds of hardware."""
        return [task for one in self.hardware for task in one.tasks]


def total(numbers: Iterable[float | None]) -> float | None:
    """Return the sum of numbers; None if one of them is None."""
    found = list(numbers)
    return None if None in found else math.fsum(number for number in found if number is not None)


def costs(plan: Plan) -> Costs:
    """Return what a study costs."""
    results = Path(plan.config["results"])
    found = estimate.estimates(plan.study, results)
    hardware = [
        HardwareCost(
            name,
            [_task(plan, line, results) for line in found if line.hardware == name],
            len(plan.packing.chunks(name)),
            int(name in plan.study.timed_hardware),
            _asks(plan, name),
            plan.site.price_per_hour(name),
        )
        for name in plan.study.values("hardware")
    ]
    only_timed = [name for name in plan.study.timed_hardware if name not in plan.study.values("hardware")]
    hardware += [HardwareCost(name, [], 0, 1, _asks(plan, name), plan.site.price_per_hour(name)) for name in only_timed]
    return Costs(plan.study.name, hardware, plan.site.settings.get("currency", ""))


def _task(plan: Plan, line: estimate.Estimate, results: Path) -> TaskCost:
    """Return what one task costs on one kind of hardware."""
    jobs = len(plan.packing.chunks_of(line.hardware, line.task))
    disk = stored(plan.study, line.hardware, line.task, results)
    needs = plan.study.requirements.get(line.task, {})
    return TaskCost(
        task=line.task,
        cells=line.cells,
        replicates=line.replicates,
        jobs=jobs,
        hours_each=None if line.pace is None else line.pace.hours,
        hours=line.hours,
        is_measured=line.pace is not None and line.pace.measured,
        hours_of_job=None if line.pace is None else plan.packing.longest_job_hours(line),
        memory_gb=least_memory_gb(needs, entry(line.hardware).precision) or None,
        bytes=None if disk.bytes is None else disk.bytes * line.replicates,
        files=disk.files * line.replicates + FILES_OF_JOB * jobs,
    )


def _asks(plan: Plan, hardware: str) -> dict[str, Any]:
    """Return what a training job asks SLURM for at its first attempt."""
    wanted = plan.site.resources(hardware, attempt=1)
    cells = [cell for cell in plan.study.cells if cell.hardware == hardware]
    return {
        "gpus": wanted["gpu"],
        "gpu": wanted["gpu_model"] or wanted["constraint"],
        "cores": plan.packing.cores(hardware, cells) if cells else int(plan.config["threads_per_job"]),
        "memory_mb": wanted["mem_mb"],
        "minutes": wanted["runtime"],
        "partition": wanted["slurm_partition"],
        "account": wanted["slurm_account"],
    }


def document(found: Costs) -> dict[str, Any]:
    """Return the costs as a document for JSON. What is not known is null."""
    return {
        "study": found.study,
        "currency": found.currency or None,
        "hardware": [
            {
                "name": one.hardware,
                "training_jobs": one.jobs,
                "timing_jobs": one.timing_jobs,
                "asks": one.asks,
                "device_hours": one.hours,
                "price_per_hour": one.price_per_hour,
                "price": one.price,
                "tasks": [vars(task) for task in one.tasks],
            }
            for one in found.hardware
        ],
        "cells": sum(task.cells for task in found.tasks),
        "replicates": sum(task.replicates for task in found.tasks),
        "device_hours": total(task.hours for task in found.tasks),
        "bytes": total(task.bytes for task in found.tasks),
        "files": sum(task.files for task in found.tasks),
        "price": total(one.price for one in found.hardware if one.tasks),
    }
