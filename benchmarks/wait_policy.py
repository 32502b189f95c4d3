"""What a thread that waits for the others costs, on an idle machine and on a busy one, by the OpenMP setting.

    python benchmarks/wait_policy.py SETTING [--task TASK] [--load N] [--rounds R]

Trains a task with two threads, in processes that alternate between the default and SETTING (for example,
OMP_WAIT_POLICY=passive). With --load, N other processes keep all cores busy meanwhile. Prints one Markdown row: median
and range of the ratio of steps per second (SETTING divided by default), the same for core-seconds per step, and whether
the weights were equal to the bit.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STEPS = """
import json, resource, sys, time
import torch
from one_run import one_run
from noisegrid.training.checkpoint import Checkpoints
from noisegrid.training.weights import weights_of
torch.manual_seed(0)
training, task, data = one_run(sys.argv[1], __import__("pathlib").Path(sys.argv[2]))
torch.set_num_threads(2)
training.run_epoch(Checkpoints())
before, began, epochs = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter(), int(sys.argv[3])
for _ in range(epochs):
    training.run_epoch(Checkpoints())
seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
print(json.dumps([epochs / seconds, used / epochs, weights_of(training.network).hash]))
"""


def train(setting: str, task: str, datasets: Path, epochs: int) -> tuple[float, float, str]:
    """Return epochs per second, core-seconds per epoch and the hash of the weights of one process."""
    paths = [str(ROOT / "workflow"), str(ROOT / "benchmarks")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    if setting:
        name, _, value = setting.partition("=")
        environment[name] = value
    command = [sys.executable, "-c", STEPS, task, str(datasets), str(epochs)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return tuple(json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("setting", metavar="SETTING")
    parser.add_argument("--task", default="smallcnn-digits")
    parser.add_argument("--datasets", type=Path, default=Path("resources/datasets"))
    parser.add_argument("--load", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(options.load)]
    speed, cost, hashes = [], [], set()
    try:
        for number in range(options.rounds):
            order = ("", options.setting) if number % 2 else (options.setting, "")
            found = {one: train(one, options.task, options.datasets, options.epochs) for one in order}
            speed.append(found[options.setting][0] / found[""][0])
            cost.append(found[options.setting][1] / found[""][1])
            hashes |= {values[2] for values in found.values()}
    finally:
        for process in busy:
            process.kill()
    words = [f"{statistics.median(v):.2f} ({min(v):.2f} to {max(v):.2f})" for v in (speed, cost)]
    equal = "yes" if len(hashes) == 1 else "NO"
    about = [options.setting, options.task, options.load, options.rounds, *words, equal]
    print(f"| {' | '.join(map(str, about))} |")


if __name__ == "__main__":
    main()
