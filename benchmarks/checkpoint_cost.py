"""What a checkpoint costs: its size, the time of one, and an epoch with one beside an epoch without, interleaved.

python benchmarks/checkpoint_cost.py [TASK] [--rounds N]
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import torch
from one_run import one_run

from noisegrid.training.checkpoint import Checkpoints
from noisegrid.training.train import NEVER


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", nargs="?", default="smallcnn_bn-digits")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--datasets", type=Path, default=Path("resources/datasets"))
    options = parser.parse_args()
    training, _, _ = one_run(options.task, options.datasets)
    training.run_epoch(NEVER)  # warms up, and gives the optimiser its state
    plain, saving, size = [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Checkpoints(Path(folder), "run")
        for _ in range(options.rounds):
            started = time.perf_counter()
            training.run_epoch(NEVER)
            middle = time.perf_counter()
            checkpoints.save(training)
            saving.append(time.perf_counter() - middle)
            plain.append(middle - started)
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
    epoch, one = statistics.median(plain), statistics.median(saving)
    what = f"| {time.strftime('%Y-%m-%d')} | torch {torch.__version__} | {options.task} | {options.rounds} "
    print(
        what + f"| {size / 1e6:.2f} "
        f"| {1000 * one:.1f} ({1000 * min(saving):.1f} to {1000 * max(saving):.1f}) | {100 * one / epoch:.1f} |"
    )


if __name__ == "__main__":
    main()
