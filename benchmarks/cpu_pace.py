"""Measure the core time of a training step on a CPU, and compare it with what `noisegrid plan` estimates.

python benchmarks/cpu_pace.py --datasets resources/datasets [TASK ...]

Prints, for each task, the seconds of one core per step (median of the timed steps), and the estimate of
planning/estimate.py. Core time is the time of this process on a core, so other work on the machine counts little.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

TASKS = ("smallcnn-digits", "smallcnn_bn-digits", "pyramid-digits", "vit_tiny-digits", "smallcnn-fashion_mnist")
WARM_UP, TIMED = 5, 30


def main() -> None:
    """Measure each task in a process of its own, because libraries read their switches once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", metavar="TASK", default=TASKS)
    parser.add_argument("--datasets", type=Path, default=Path("resources/datasets"))
    options = parser.parse_args()
    for task in options.tasks:
        command = [sys.executable, "-c", f"import cpu_pace; cpu_pace.measure({task!r}, {str(options.datasets)!r})"]
        path = f"{Path(__file__).parent}:{os.environ.get('PYTHONPATH', '')}"
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": path})


def measure(task: str, datasets: str) -> None:
    """Print the core time of a step of one task, and the estimate."""
    from noisegrid.data.prepared import open_prepared
    from noisegrid.planning.estimate import estimates
    from noisegrid.study.resolve import load_study
    from noisegrid.training.checkpoint import Checkpoints, Interrupted
    from noisegrid.training.replicate import run_of
    from noisegrid.training.train import train

    class Clock(Checkpoints):
        """Notes the core time after each step, and ends the run."""

        def __init__(self) -> None:
            super().__init__()
            self.ends = [0.0]

        def visit(self, run: object) -> None:
            self.ends.append(time.process_time())
            if len(self.ends) > WARM_UP + TIMED:
                raise Interrupted

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.yaml"
        block = {"hardware": ["cpu"], "tasks": [task], "noise": ["control"], "replicates": 2}
        path.write_text(yaml.safe_dump({"name": "one", "seed": 1, "cells": [block]}))
        study = load_study(str(path))
        (line,) = estimates(study, Path(folder))
    (cell,) = study.cells
    data, clock = open_prepared(Path(datasets) / cell.dataset), Clock()
    with contextlib.suppress(Interrupted):
        train(run_of(cell, 0), data, clock)
    steps = [after - before for before, after in zip(clock.ends[WARM_UP:], clock.ends[WARM_UP + 1 :], strict=False)]
    recipe = cell.settings["task"]
    count = recipe["epochs"] * -(-data.count("train", recipe.get("context")) // recipe["batch_size"])
    found = {"task": task, "core_s_per_step": statistics.median(steps), "steps": count}
    found |= {"core_s_per_replicate": count * found["core_s_per_step"]}
    print(json.dumps(found | {"estimated_s": line.pace and line.pace.hours * 3600}), flush=True)


if __name__ == "__main__":
    main()
