"""Compare the whole training loop with the bare training step: images per second, and the ratio of the two times.

    python benchmarks/training_loop.py TASK [--hardware NAME] [--rounds N] [--fill] [--output FILE.csv]

Interleaved in one process: an epoch of the real loop, then as many bare steps on constant batches of the same shapes,
again and again. With --fill, also as many bare steps that fill new memory, as PyTorch's deterministic mode does by
default. The first round warms up and is dropped. Prints a table with the median and the quartiles over rounds. The CSV
file is written after every round. Interference on a shared machine hits all sides of a round alike.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import torch
from one_run import SEEDS, one_run

from noisegrid.common.files import csv_text, write_text
from noisegrid.runtime import devices, machine
from noisegrid.training.step import training_step
from noisegrid.training.train import NEVER, Training

COLUMNS = ("task", "hardware", "round", "side", "images", "seconds", "images_per_s")
LOOP, BARE, FILLING = "loop", "bare step", "filling step"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", nargs="?", default="smallcnn_bn-digits")
    parser.add_argument("--hardware", default="cpu")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--fill", action="store_true", help="also time steps that fill new memory")
    parser.add_argument("--datasets", type=Path, default=Path("resources/datasets"))
    parser.add_argument("--output", type=Path, help="CSV file with every round")
    options = parser.parse_args()
    (hardware,) = devices.named([options.hardware], "--hardware")
    training, _, _ = one_run(options.task, options.datasets, hardware)
    sides = sides_of(training, options.fill)
    images = sum(len(labels) for _, labels in training.train_batches.training(SEEDS, 0))
    rows = []
    for number in range(options.rounds + 1):
        about = {"task": options.task, "hardware": hardware, "round": number, "images": images}
        for side, work in sides.items():
            seconds = _timed(work, training.train_batches.device.type)
            rows.append(about | {"side": side, "seconds": seconds, "images_per_s": images / seconds})
        if number == 0:
            rows.clear()
        elif options.output:
            write_text(options.output, csv_text(rows, COLUMNS, digits=6))
    times = {side: [float(row["seconds"]) for row in rows if row["side"] == side] for side in sides}
    print(f"torch {torch.__version__}, {options.task} on {hardware}, {options.rounds} rounds of {images} images")
    for side, seconds in times.items():
        ratios = [one / bare for one, bare in zip(seconds, times[BARE], strict=True)]
        print(f"{side:12}  {images / statistics.median(seconds):9,.0f} images/s  {_words(ratios)} x the time of {BARE}")


def sides_of(training: Training, fill: bool) -> dict[str, Callable[[], None]]:
    """What is timed: an epoch of the loop, and as many steps on constant batches, which are made here."""
    batches = [(inputs.clone(), labels.clone()) for inputs, labels in training.train_batches.training(SEEDS, 0)]

    def steps() -> None:
        for inputs, labels in batches:
            parts = training.network, training.optimizer, training.scaler, inputs, labels
            training_step(*parts, training.precision, training.loss)

    def filling() -> None:
        torch.utils.deterministic.fill_uninitialized_memory = True
        steps()
        torch.utils.deterministic.fill_uninitialized_memory = False

    sides: dict[str, Callable[[], None]] = {LOOP: lambda: training.run_epoch(NEVER), BARE: steps}
    return sides | {FILLING: filling} if fill else sides


def _timed(work: Callable[[], None], kind: str) -> float:
    machine.synchronize(kind)
    began = time.perf_counter()
    work()
    machine.synchronize(kind)
    return time.perf_counter() - began


def _words(ratios: list[float]) -> str:
    low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    return f"{statistics.median(ratios):.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
