"""What a task costs under the held switches of other hardware entries of the CPU, against those of `cpu`.

    python benchmarks/held_switches.py smallcnn-digits cpu_portable cpu_sse41 --datasets resources/datasets

Every round trains one epoch per entry, each in a process of its own, because libraries read their switches only once.
Prints one Markdown row per entry: median and range, over rounds, of the ratio of the epoch's time to that under `cpu`.
"""

import argparse
import multiprocessing
import statistics
import time
from multiprocessing.connection import Connection
from pathlib import Path

from one_run import one_run

from noisegrid.training.train import NEVER

BASE = "cpu"


def seconds(task: str, datasets: Path, entry: str, epochs: int) -> float:
    """Return the seconds of an epoch under the held switches of an entry, in a fresh process."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_train, args=(task, datasets, entry, epochs, sender))
    process.start()
    found: float = receiver.recv()
    process.join()
    return found


def _train(task: str, datasets: Path, entry: str, epochs: int, sender: Connection) -> None:
    training, _, _ = one_run(task, datasets, entry)
    training.run_epoch(NEVER)  # to warm up
    began = time.perf_counter()
    for _ in range(epochs):
        training.run_epoch(NEVER)
    sender.send((time.perf_counter() - began) / epochs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("entries", nargs="+")
    parser.add_argument("--datasets", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args()
    ratios: dict[str, list[float]] = {entry: [] for entry in options.entries}
    for _ in range(options.rounds):
        times = {name: seconds(options.task, options.datasets, name, options.epochs) for name in (BASE, *ratios)}
        for entry, found in ratios.items():
            found.append(times[entry] / times[BASE])
    print("| task | entry | rounds | time of an epoch / `cpu` |\n| --- | --- | --- | --- |")
    for entry, found in ratios.items():
        text = f"{statistics.median(found):.2f} ({min(found):.2f} to {max(found):.2f})"
        print(f"| {options.task} | `{entry}` | {options.rounds} | {text} |")


if __name__ == "__main__":
    main()
