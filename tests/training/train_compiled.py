"""Train a small network, compiled or eager: `train_compiled.py DATASETS CHECKPOINTS WEIGHTS [--compile]`.

`--stop-after N` stops the run after N steps, as a scheduler does; the next call with the same folder resumes it. The
final weights are written to the file WEIGHTS. A line of JSON has their hash, how often the run was resumed, the number
of graphs that were compiled, the folder of the compiler's cache, and what is left of it.
"""

import argparse
import json
import os
from pathlib import Path

import numpy as np
from torch import nn
from torch._dynamo.utils import counters

from noisegrid.data.prepared import open_prepared
from noisegrid.study.recipes import resolve_datasets, resolve_tasks, task_settings
from noisegrid.study.resolve import hardware_settings
from noisegrid.study.seeds import derive_seeds
from noisegrid.study.settings import Hardware
from noisegrid.training import noise
from noisegrid.training.checkpoint import Checkpoints, Interrupted
from noisegrid.training.run import Run
from noisegrid.training.train import train


def network(classes: int, channels: int, size: int, dropout: float) -> nn.Module:
    """Return a network with sums for the compiler to order, and with dropout."""
    width = channels * size**2
    layers = nn.LayerNorm(width), nn.Linear(width, 16), nn.GELU(), nn.Dropout(dropout), nn.Linear(16, classes)
    return nn.Sequential(nn.Flatten(), *layers)


def run_of(compile: bool, dropout_seed: int) -> Run:
    """Return a run of two epochs of three steps, of which the last is smaller."""
    task = task_settings(resolve_tasks({}, ""), resolve_datasets({}, ""), "smallcnn_dropout-digits", "")
    task |= {"build": "train_compiled:network", "options": {}, "epochs": 2, "batch_size": 500}
    hardware = hardware_settings("cpu", "")
    flags = noise.held_flags(Hardware.of(hardware)) | {"compile": compile}
    seeds = derive_seeds(1, "t", "compile", 0) | {"dropout": dropout_seed}
    return Run({"task": task, "hardware": hardware}, seeds, flags)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("datasets", "checkpoints", "weights"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--dropout-seed", type=int, default=1)
    parser.add_argument("--stop-after", type=int)
    options = parser.parse_args()
    run, data = run_of(options.compile, options.dropout_seed), open_prepared(options.datasets / "digits")
    checkpoints, steps, caches = Checkpoints(options.checkpoints, "run"), [], set[str]()

    def visit(training: object) -> None:
        """Note the step and the folder of the cache, and ask for a stop where it was wished."""
        steps.append(len(steps))
        caches.add(os.environ.get("TORCHINDUCTOR_CACHE_DIR", ""))
        checkpoints.asked_to_stop = len(steps) == options.stop_after

    checkpoints.on_visit = visit
    try:
        outcome = train(run, data, checkpoints)
    except Interrupted:
        print(json.dumps({"stopped_after": len(steps)}))
    else:
        np.save(options.weights, outcome.final.weights.vector)
        cache = {"cache": sorted(caches), "left": [path for path in caches if path and Path(path).exists()]}
        names = [part["name"] for part in outcome.final.weights.layout]
        graphs = counters["stats"]["unique_graphs"]
        found = {"hash": outcome.final.weights.hash, "resumed": outcome.resumed, "graphs": graphs, "names": names}
        print(json.dumps(found | cache))
