"""A run of a catalog task on this machine, ready to train and never to end: what several benchmarks time."""

from pathlib import Path

import torch

from noisegrid.common.schemas import catalog
from noisegrid.data.prepared import Dataset, open_prepared
from noisegrid.runtime import machine
from noisegrid.study.recipes import resolve_tasks, task_settings
from noisegrid.study.resolve import hardware_settings
from noisegrid.study.settings import Hardware, Task
from noisegrid.training import noise
from noisegrid.training.initial import build_network
from noisegrid.training.run import Run
from noisegrid.training.train import Training
from noisegrid.training.weights import weights_of

SEEDS = {"order": 1, "augment": 1, "dropout": 1}


def one_run(name: str, datasets: Path, hardware_name: str = "cpu") -> tuple[Training, Task, Dataset]:
    """The run, its recipe, and its prepared dataset."""
    recipe = task_settings(resolve_tasks({}, "catalog"), catalog("datasets"), name, "catalog") | {"epochs": 1_000_000}
    hardware = hardware_settings(hardware_name, "catalog")
    flags = noise.held_flags(Hardware.of(hardware))
    noise.apply_flags(flags)
    machine.keep_freed_memory()
    data = open_prepared(datasets / recipe["dataset"])
    run = Run({"task": recipe, "hardware": hardware}, SEEDS, flags)
    device = torch.device(run.hardware.device)
    return Training(run, data, weights_of(build_network(run.task, data)), device), run.task, data
