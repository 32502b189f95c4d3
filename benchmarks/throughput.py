"""Measure the images per second of the whole training loop and of the bare training step of one task.

    python benchmarks/throughput.py TASK --hardware auto@here --rounds 10 --output throughput.csv

Interleaved in one process: an epoch of the real loop, then as many bare steps on constant batches of the same shapes,
again and again. The first round warms up and is dropped. The CSV file is written after every round.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from one_run import SEEDS, one_run

from noisegrid.common.files import csv_text, write_text
from noisegrid.runtime import devices, machine
from noisegrid.training.train import NEVER, training_step

COLUMNS = ("task", "hardware", "round", "side", "images", "seconds", "images_per_s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--hardware", default="auto@here")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--datasets", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    (hardware,) = devices.named([options.hardware], "--hardware")
    training, task, _ = one_run(options.task, options.datasets, hardware)
    batches = [(x.clone(), y.clone()) for x, y in training.train_batches.training(SEEDS, 0)]
    images = sum(len(labels) for _, labels in batches)

    def bare() -> None:
        parts = training.network, training.optimizer, training.scaler
        for inputs, labels in batches:
            training_step(*parts, inputs, labels, training.precision, task.label_smoothing)

    rows = []
    for number in range(options.rounds + 1):
        for side, work in (("loop", lambda: training.run_epoch(NEVER)), ("bare step", bare)):
            seconds = _timed(work, training.train_batches.device.type)
            about = {"task": options.task, "hardware": hardware, "round": number, "side": side, "images": images}
            rows.append(about | {"seconds": seconds, "images_per_s": images / seconds})
        if number == 0:
            rows.clear()
        else:
            write_text(options.output, csv_text(rows, COLUMNS, digits=6))


def _timed(work: Callable[[], None], kind: str) -> float:
    machine.synchronize(kind)
    began = time.perf_counter()
    work()
    machine.synchronize(kind)
    return time.perf_counter() - began


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
