"""Train in one go, and with a stop and a resumption at a step, on null CUDA: `resume_steps.py STEP HARDWARE...`.

A line of JSON has the two final states on each hardware: what a checkpoint contains, but durations and what kernels
compute. Counters, learning rates, generators and weights, which stay those of the start, are real.
"""

import hashlib
import json
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from count_steps import training_of

from noisegrid.training.checkpoint import Checkpoints, Interrupted
from noisegrid.training.weights import weights_of

TASK = "smallcnn_dropout-digits"
EPOCHS = 2
#: Parts of a state that kernels compute, or that are durations.
COMPUTED = ("seconds", "history", "scale", "_growth_tracker")


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


def final(hardware: str, folder: Path, *stops: int | None) -> dict[str, Any]:
    """Train in as many parts as there are stops; the last is None. Return the final state."""
    steps = 0
    for stop in stops:
        training = training_of(TASK, hardware, steps=10)
        checkpoints = Stop(folder, stop)
        checkpoints.resume(training, torch.device("cuda"))
        with suppress(Interrupted):
            while training.epoch < EPOCHS:
                training.run_epoch(checkpoints)
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
    with tempfile.TemporaryDirectory() as folder:
        return [final(hardware, Path(folder), *stops) for stops in ((None,), (step, None))]


if __name__ == "__main__":
    step, *names = sys.argv[1:]
    print(json.dumps({hardware: both(hardware, int(step)) for hardware in names}))
