"""Count what a training step launches, copies and waits for, on null CUDA: `count_steps.py HARDWARE RESIDENT TASK...`.

HARDWARE is one or more entries, separated by commas. RESIDENT is the number of bytes up to which images are kept on the
device. A line of JSON has the counts of each task on each entry.
"""

import ctypes
import itertools
import json
import sys
from multiprocessing import get_context

import numpy as np
import torch
import torch._dynamo  # the first optimiser imports it, in a second; forked processes share what is imported here

from noisegrid.common.schemas import catalog
from noisegrid.data.form import ATTRIBUTES, IMAGES, TOKENS, Form
from noisegrid.data.prepared import Dataset
from noisegrid.study.recipes import resolve_tasks, task_settings
from noisegrid.study.resolve import hardware_settings
from noisegrid.study.settings import Hardware
from noisegrid.training import loader
from noisegrid.training import noise as switches
from noisegrid.training.checkpoint import Checkpoints
from noisegrid.training.initial import build_network
from noisegrid.training.run import Run
from noisegrid.training.train import Training
from noisegrid.training.weights import weights_of

NAMES = ("launches", "waits", "h2d", "d2h")
STEPS = 8
runtime = ctypes.CDLL(None)
runtime.nullcuda_count.restype = ctypes.c_long


def count() -> list[int]:
    """Return the counters of this process."""
    return [runtime.nullcuda_count(index) for index in range(len(NAMES))]


def data_of(name: str, examples: int, context: int | None) -> Dataset:
    """Return a dataset of zeros with the form of one of the catalog."""
    form = Form.of_entry(catalog("datasets")[name])
    assert form is not None
    if form.kind == TOKENS:
        assert context is not None
        stream = np.zeros(examples * context + 1, np.uint8)
        return Dataset(name, "", form, stream, None, stream[: 2 * context + 1], None)
    inputs = np.zeros((examples, *form.shape), np.uint8 if form.kind == IMAGES else np.float32)
    attributes = form.labels == ATTRIBUTES
    labels = np.zeros((examples, form.outputs), np.uint8) if attributes else np.zeros(examples, np.int64)
    return Dataset(name, "", form, inputs, labels, inputs[:200], labels[:200])


def training_of(task: str, hardware: str, noise: str = "control", steps: int = STEPS, replicate: int = 0) -> Training:
    """Return a training of a task of the catalog, on data of zeros that last for so many steps."""
    run = run_of(task, hardware, noise, replicate)
    switches.set_switches(run.flags)
    data = data_of(run.task.dataset, steps * run.task.batch_size, run.task.context)
    switches.seed_global(run.seeds["init"])
    return Training(run, data, weights_of(build_network(run.task, data)), torch.device("cuda"))


def run_of(task: str, hardware: str, noise: str = "control", replicate: int = 0) -> Run:
    """Return a run of a noise, by default the first."""
    settings = hardware_settings(hardware, "test")
    recipe = task_settings(resolve_tasks({}, "test"), catalog("datasets"), task, "test")
    flags = switches.derive_flags(Hardware.of(settings), 1, task, noise, replicate)
    seeds = dict.fromkeys(("init", "order", "augment", "dropout"), 1)
    return Run({"task": recipe, "hardware": settings}, seeds, flags)


def counts(task: str, hardware: str) -> dict[str, float]:
    """Train one epoch of a task; return the median counts of a step, and the peak memory in GB without the images.

    The process must be a fresh one, because an allocator keeps what an earlier task has left.
    """
    training = training_of(task, hardware)
    seen: list[list[int]] = []
    checkpoints = Checkpoints()
    checkpoints.on_visit = lambda _: seen.append(count())
    training.run_epoch(checkpoints)
    # the first steps load libraries; the end of the epoch, which reads the loss, comes after the last visit
    steps = np.diff(np.array(seen)[2:], axis=0)
    batches = (training.train_batches, training.test_batches)
    images = sum(one.stored.nbytes for one in batches if isinstance(one.stored, torch.Tensor))
    peak = (torch.cuda.max_memory_allocated() - images) / 1e9
    return dict(zip(NAMES, np.median(steps, axis=0).tolist(), strict=True)) | {"peak_gb": peak}


if __name__ == "__main__":
    hardware, resident, *tasks = sys.argv[1:]
    loader.RESIDENT_BYTES = int(resident)
    pairs = list(itertools.product(hardware.split(","), tasks))
    with get_context("fork").Pool(2, maxtasksperchild=1) as pool:
        found = dict(zip(pairs, pool.starmap(counts, [(task, name) for name, task in pairs], 1), strict=True))
    print(json.dumps({name: {task: found[name, task] for task in tasks} for name in hardware.split(",")}))
