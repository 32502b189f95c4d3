"""The pilot, which measures how long a replicate takes on the hardware that will train it.

The pilot trains one replicate for about a minute, times the training and discards the result. It has the GPU for
itself, without the memory limit of `share_gpu`, so cuDNN may choose faster algorithms than in the study. It writes
<results>/<study>/pilot/<hardware>/<task>.json, from which the plan computes how many replicates fit into one job.
"""

import json
import math
import time
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import write_text
from noisegrid.data.prepared import Dataset, open_prepared
from noisegrid.runtime import container, machine, refused_nodes
from noisegrid.runtime.hardware import entry as hardware_entry
from noisegrid.study.study import Cell, Study
from noisegrid.training.checkpoint import Checkpoints, Interrupted
from noisegrid.training.outcome import Diverged
from noisegrid.training.replicate import run_of
from noisegrid.training.run import Run
from noisegrid.training.train import Training, train

#: Number of steps that run before the clock starts, so that PyTorch has selected its kernels and filled its caches; the
#: number of seconds after which it starts at the latest; and the number of seconds for which the next steps are timed.
WARM_UP_STEPS, WARM_UP_S, MEASURED_S = 64, 180.0, 60.0


class Clock(Checkpoints):
    """A timer that replaces the checkpoints of a run. It times the steps and stops the run after MEASURED_S seconds."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device = device
        self.steps, self.warm_up_steps = 0, 0
        self.first, self.began, self.measured_s, self.evaluation_s = 0.0, 0.0, 0.0, 0.0

    def visit(self, run: Any) -> None:
        """Count a step. The run calls this method after every step.

        Raises
        ------
        Interrupted
            When the steps have been timed for MEASURED_S seconds.
        """
        self.steps += 1
        if self.steps == 1:
            self.first = time.perf_counter()
        if not self.warm_up_steps:
            if self.steps == WARM_UP_STEPS or time.perf_counter() - self.first > WARM_UP_S:
                machine.synchronize(self.device)
                self.warm_up_steps, self.began = self.steps, time.perf_counter()
        elif time.perf_counter() - self.began > MEASURED_S:
            machine.synchronize(self.device)
            self.measured_s = time.perf_counter() - self.began
            self._time_evaluation(run)
            raise Interrupted

    @property
    def step_s(self) -> float:
        """The mean duration of a step in seconds, including augmentation and bookkeeping."""
        return self.measured_s / (self.steps - self.warm_up_steps)

    def _time_evaluation(self, run: Training) -> None:
        began = time.perf_counter()
        run.snapshot()
        self.evaluation_s = time.perf_counter() - began


def measure(run: Run, data: Dataset) -> dict[str, Any]:
    """Measure the duration of one replicate. Call this before the process computes anything.

    A run that ends within about a minute is timed as a whole. A longer run is stopped after about a minute, and the
    duration of the whole run is extrapolated: the measured time before the first step, plus the measured time per step
    for every step, plus twice the measured time of one evaluation (a whole run evaluates the network twice).

    Returns
    -------
    dict
        `seconds_per_replicate` is the duration of a whole run. `steps` is the number of steps that the pilot ran.
        `threads`, `device` and `software` describe how they were run.

    Raises
    ------
    NoisegridError
        If the training diverges.
    """
    clock, began = Clock(run.hardware.device), time.perf_counter()
    try:
        seconds = train(run, data, clock).seconds["total_s"]
    except Diverged as error:
        raise NoisegridError(f"the pilot run of network {run.task.network} diverged: {error}") from error
    except Interrupted:
        task = run.task
        steps = task.epochs * math.ceil(data.count("train", task.context) / task.batch_size)
        before = time.perf_counter() - began - clock.evaluation_s - clock.step_s * clock.steps
        seconds = max(0.0, before) + steps * clock.step_s + 2 * clock.evaluation_s
    return {
        "seconds_per_replicate": round(seconds, 3),
        "steps": clock.steps,
        "threads": run.cores,
        "device": machine.device(run.hardware.device),
        "software": machine.software(),
    }


def held(cells: list[Cell]) -> Cell:
    """Return the cell to time: the cell with noise `control` if there is one, otherwise the first cell.

    The cells differ only in seeds and switches. The switches of `control` select deterministic kernels, which are
    usually slower than the kernels of the other cells.
    """
    return next((cell for cell in cells if cell.noise == "control"), cells[0])


def run_pilot(
    study: Study, hardware: str, task: str, datasets: Path, results: Path, image: Path | None, output: Path
) -> None:
    """Measure the pace (seconds per replicate) of one task on one kind of hardware, and write it to the output file."""
    cells = study.siblings(hardware, task)
    if not cells:
        raise NoisegridError(f"study {study.name} has no cell of task {task} on {hardware}")
    container.check_inside(image)
    required = hardware_entry(hardware)
    machine.check_environment(required.stack, required.device)
    cell = held(cells)
    data = open_prepared(datasets / cell.dataset)
    with refused_nodes.claimed(required.gpu, results / study.name, hardware):
        pace = measure(run_of(cell, 0), data)
    pace = {"of": study.pace_identity(hardware, task)} | pace
    write_text(output, json.dumps(pace, indent=1) + "\n")
