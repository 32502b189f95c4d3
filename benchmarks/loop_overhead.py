"""What the training loop adds to the bare forward + backward + optimiser step on one constant batch of the same shape.

    python benchmarks/loop_overhead.py [TASK] [--rounds N]

Interleaved in one process: an epoch of the real loop, then as many bare steps, then as many that fill new memory (as
PyTorch's deterministic mode does by default), again and again. The results are two ratios, each with the median and the
quartiles over rounds: real loop to bare steps, and filling steps to bare steps. Interference on a shared machine hits
all parts of a round alike.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import torch
from one_run import SEEDS, one_run
from torch.nn import functional

from noisegrid.training.train import NEVER, build_network, optimizer_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", nargs="?", default="smallcnn_bn-digits")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--datasets", type=Path, default=Path("resources/datasets"))
    options = parser.parse_args()
    training, task, data = one_run(options.task, options.datasets)
    batches, model = training.train_batches, build_network(task, data).to(memory_format=torch.channels_last)
    optimizer = optimizer_of(model, task.optimizer)
    model.train()
    sizes = [len(labels) for _, labels in batches.training(SEEDS, 0)]
    constant = {len(x): (x.clone(memory_format=torch.channels_last), y) for x, y in batches.training(SEEDS, 0)}
    real, filling = list[float](), list[float]()

    def steps(fill: bool) -> float:
        torch.utils.deterministic.fill_uninitialized_memory = fill
        started = time.perf_counter()
        for size in sizes:
            inputs, labels = constant[size]
            loss = functional.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return time.perf_counter() - started

    for epoch in range(options.rounds + 1):
        started = time.perf_counter()
        training.run_epoch(NEVER)
        loop = time.perf_counter() - started
        bare, filled = steps(fill=False), steps(fill=True)
        torch.utils.deterministic.fill_uninitialized_memory = False
        if epoch:  # the first round warms up
            real.append(loop / bare)
            filling.append(filled / bare)
    about = time.strftime("%Y-%m-%d"), f"torch {torch.__version__}", options.task, len(sizes), options.rounds
    print("| " + " | ".join(map(str, (*about, _words(real), _words(filling)))) + " |")


def _words(ratios: list[float]) -> str:
    low, _, high = statistics.quantiles(ratios, n=4)
    return f"{statistics.median(ratios):.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
