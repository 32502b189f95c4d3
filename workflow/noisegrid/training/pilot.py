"""How long a replicate takes where it is to be trained: a minute of one, measured and thrown away.

Writes: <results>/<study>/pilot/<hardware>/<task>.json; from then on the plan packs replicates into jobs by it.
Command: python -m noisegrid.pilot --study mine --hardware a100 --task resnet50-mine --dataset ... --output ...
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
from noisegrid.study.study import Cell, load_study
from noisegrid.training.checkpoint import Checkpoints, Interrupted
from noisegrid.training.replicate import run_of
from noisegrid.training.train import Diverged, Run, Training, train

#: Steps before the clock starts (kernels are chosen, caches filled), and seconds that are then measured.
WARM_UP_STEPS, MEASURED_S = 64, 60.0


class Clock(Checkpoints):
    """Looks at its watch where a run would be put away, and ends the run once the pace is known."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device = device
        self.steps, self.began, self.measured_s, self.evaluation_s = 0, 0.0, 0.0, 0.0

    def visit(self, run: Any) -> None:
        """Called between two steps. Raises Interrupted when enough was seen."""
        self.steps += 1
        if self.steps == WARM_UP_STEPS:
            machine.synchronize(self.device)
            self.began = time.perf_counter()
        if self.steps > WARM_UP_STEPS and time.perf_counter() - self.began > MEASURED_S:
            machine.synchronize(self.device)
            self.measured_s = time.perf_counter() - self.began
            self._time_evaluation(run)
            raise Interrupted

    @property
    def step_s(self) -> float:
        """Seconds per step, augmentation and bookkeeping included."""
        return self.measured_s / (self.steps - WARM_UP_STEPS)

    def _time_evaluation(self, run: Training) -> None:
        began = time.perf_counter()
        run.snapshot()
        self.evaluation_s = time.perf_counter() - began


def measure(run: Run, data: Dataset) -> dict[str, Any]:
    """Seconds of one replicate, and what they were measured on. Must be the first thing that this process computes.

    A run that ends before the pace is known was measured whole; of a longer one, the steps and one of its two
    evaluations were, and the rest is arithmetic. Raises NoisegridError if it diverges.
    """
    clock, began = Clock(run.settings["hardware"]["device"]), time.perf_counter()
    try:
        seconds = train(run, data, clock).seconds["total_s"]
    except Diverged as error:
        raise NoisegridError(f"task {run.settings['task']['network']} diverges: {error}") from error
    except Interrupted:
        task = run.settings["task"]
        steps = task["epochs"] * math.ceil(len(data.train_labels) / task["batch_size"])
        before = time.perf_counter() - began - clock.evaluation_s - clock.step_s * clock.steps
        seconds = max(0.0, before) + steps * clock.step_s + 2 * clock.evaluation_s
    return {
        "seconds_per_replicate": round(seconds, 3),
        "steps": clock.steps,
        "threads": run.flags["threads"],
        "device": machine.device(run.settings["hardware"]["device"]),
        "software": machine.software(),
    }


def held(cells: list[Cell]) -> Cell:
    """The cell whose pace stands for all: they differ in seeds and kernels, and control has the slower kernels."""
    return next((cell for cell in cells if cell.noise == "control"), cells[0])


def run_pilot(
    study_name: str, hardware: str, task: str, dataset: Path, results: Path, image: Path | None, output: Path
) -> None:
    """Measure the pace of one task on one hardware and write it."""
    study = load_study(study_name)
    cells = study.siblings(hardware, task)
    if not cells:
        raise NoisegridError(f"study {study_name} has no cell of task {task} on {hardware}")
    container.check_inside(image)
    machine.check_stack(hardware_entry(hardware)["stack"])
    data, cell = open_prepared(dataset), held(cells)
    with refused_nodes.claimed(cell.settings["hardware"], results / study.name, hardware):
        pace = measure(run_of(cell, 0), data)
    pace = {"of": study.pace_identity(hardware, task)} | pace
    write_text(output, json.dumps(pace, indent=1) + "\n")
