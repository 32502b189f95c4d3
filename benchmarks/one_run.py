"""A run of a catalog task on this CPU, ready to train and never to end: what several benchmarks time."""

from pathlib import Path

import torch

from noisegrid.common.schemas import catalog
from noisegrid.data.prepared import Dataset, open_prepared
from noisegrid.study.recipes import resolve_tasks
from noisegrid.training import noise
from noisegrid.training.train import Run, Training, build_network, weights_of

SEEDS = {"order": 1, "augment": 1, "dropout": 1}


def one_run(name: str, datasets: Path) -> tuple[Training, dict, Dataset]:
    """The run, its recipe, and its prepared dataset."""
    task = resolve_tasks({}, "catalog")[name]
    network = catalog("networks")[task["network"]]
    options = network["options"] | task.get("network_options", {})
    task = {**task, "epochs": 1_000_000, "build": network["build"], "options": options}
    hardware = {"tf32": False, **catalog("hardware")["cpu"]}
    flags = noise.held_flags(hardware)
    noise.apply_flags(flags)
    data = open_prepared(datasets / task["dataset"])
    run = Run({"task": task, "hardware": hardware}, SEEDS, flags)
    return Training(run, data, weights_of(build_network(task, data)), torch.device("cpu")), task, data
