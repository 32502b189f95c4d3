"""Train in one go, and with a stop and a resumption at a step, on null CUDA: `resume_steps.py STEP HARDWARE...`.

A line of JSON has the two final states on each hardware: what a checkpoint contains, but durations and what kernels
compute. Counters, learning rates, generators and weights, which stay those of the start, are real.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from count_steps import data_of

from noisegrid.common.schemas import catalog
from noisegrid.study.recipes import resolve_tasks, task_settings
from noisegrid.study.resolve import hardware_settings
from noisegrid.study.settings import Hardware
from noisegrid.training import noise
from noisegrid.training.checkpoint import Checkpoints, Interrupted
from noisegrid.training.train import Run, Training, build_network, weights_of

TASK = "smallcnn_dropout-digits"
EPOCHS = 2
#: Parts of a state that kernels compute, or that are durations.
COMPUTED = ("seconds", "history", "scale", "_growth_tracker")
DEVICE = torch.device("cuda")


def run_of(hardware: str) -> Run:
    """Return a run of the control cell."""
    settings = hardware_settings(hardware, "test")
    recipe = task_settings(resolve_tasks({}, "test"), catalog("datasets"), TASK, "test")
    flags = noise.derive_flags(Hardware.of(settings), 1, TASK, "control", 0)
    seeds = dict.fromkeys(("init", "order", "augment", "dropout"), 1)
    return Run({"task": recipe, "hardware": settings}, seeds, flags)


class Stop(Checkpoints):
    """Checkpoints of a job that is asked to stop after a number of steps; it also notes the learning rates."""

    def __init__(self, folder: Path, step: int | None) -> None:
        super().__init__(folder)
        self.last = step
        self.steps = 0

    def visit(self, run: Any) -> None:
        """Count the steps of this process."""
        self.steps += 1
        self.asked_to_stop = self.steps == self.last
        super().visit(run)


def final(run: Run, folder: Path, *stops: int | None) -> dict[str, Any]:
    """Train in as many parts as there are stops; the last is None. Return the final state."""
    data = data_of("digits", 10 * run.task.batch_size)
    steps = 0
    for stop in stops:
        noise.seed_global(run.seeds["init"])
        training = Training(run, data, weights_of(build_network(run.task, data)), DEVICE)
        checkpoints = Stop(folder, stop)
        checkpoints.resume(training, DEVICE)
        try:
            while training.epoch < EPOCHS:
                training.run_epoch(checkpoints)
        except Interrupted:
            pass
        steps += checkpoints.steps
    found = described(training.state_dict()) | {"steps": steps, "weights": weights_of(training.network).hash}
    return found | {"rates": [row["learning_rate"] for row in training.history]}


def described(value: Any) -> Any:
    """Return a state as plain values: of tensors on the device their shapes, of others also their bits.

    What kernels would have written is left out: the device memory of a loss or of a scale holds what it held before.
    """
    if isinstance(value, torch.Tensor):
        bits = hashlib.sha256(value.numpy().tobytes()).hexdigest() if value.device.type == "cpu" else None
        return [list(value.shape), str(value.dtype), bits]
    if isinstance(value, dict):
        return {str(key): described(one) for key, one in value.items() if key not in COMPUTED}
    return [described(one) for one in value] if isinstance(value, list | tuple) else value


def both(hardware: str, step: int) -> list[dict[str, Any]]:
    """Return the final states of a run without a stop, and of one that is stopped after a step and resumed."""
    run = run_of(hardware)
    noise.set_switches(run.flags)
    with tempfile.TemporaryDirectory() as folder:
        return [final(run, Path(folder), None), final(run, Path(folder), step, None)]


if __name__ == "__main__":
    step, *names = sys.argv[1:]
    print(json.dumps({hardware: both(hardware, int(step)) for hardware in names}))
