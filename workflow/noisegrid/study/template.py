"""The files of `noisegrid init`: a study that trains as it is, with comments on what to change."""

import re
from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import write_text

STUDY = """\
# A study: hardware x task x noise, with replicates. `noisegrid check {name}.yaml` reports mistakes,
# `noisegrid plan {name}.yaml` says what it would take, `snakemake --config study={name}.yaml` runs it.

name: {name}
seed: 1                      # the root of every random number in the study
cells:
  - hardware: [cpu]          # names in workflow/catalog/hardware.yaml, or auto
    tasks: [{task}]
    noise: [algo, impl, control]   # what is left free; all else is held (docs/noise.md)
    replicates: 5            # training runs per cell; a spread needs two, and ten say more
tasks:
  {task}:
    like: smallcnn-digits    # start from a task of workflow/catalog/tasks.yaml, and change what differs
    epochs: 4
    schedule: [[2, 0.1]]     # from epoch 2 on, a tenth of the learning rate
"""
OWN_NETWORK = """\
    network: {name}_network:network    # the function in {name}_network.py
    network_options: {{width: 32}}
"""
OWN_DATASET = """\
    dataset: {name}_data
datasets:
  {name}_data:
    read: {name}_dataset:read          # the function in {name}_dataset.py
    classes: 10
    full_scale: 16           # the value of a white pixel
"""
NETWORK = '''\
"""A network of your own. It draws its initial weights from PyTorch's global generator, as usual."""

from torch import nn


def network(classes: int, channels: int, size: int, width: int) -> nn.Module:
    """Return one hidden layer. The dataset gives classes, channels and size (pixels); the study gives the width."""
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * size * size, width), nn.ReLU(), nn.Linear(width, classes))
'''
DATASET = '''\
"""A dataset of your own. It is read once; its arrays are then checksummed and shared by all replicates."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from noisegrid.readers import Raw


def read(folder: Path | None, cache: Path) -> Raw:
    """Return uint8 images (examples, channels, size, size) and labels (examples,), for training and test.

    `folder` is what config.yaml names for this dataset under dataset_folders, or None; `cache` is for downloads.
    """
    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.uint8).reshape(-1, 1, 8, 8)
    return Raw(images[:1200], labels[:1200], images[1200:], labels[1200:])
'''


def write(name: str, folder: Path, network: bool, dataset: bool) -> list[Path]:
    """Write the study and what was asked for; return the files, the study first.

    Raises
    ------
    NoisegridError
        If the name cannot be that of a Python module, or if one of the files exists.
    """
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) is None:
        raise NoisegridError(f"init: the name {name!r} may hold letters, digits and '_' only, and a letter first")
    study = STUDY.format(name=name, task=f"{name}-task")
    files = {}
    if network:
        study += OWN_NETWORK.format(name=name)
        files[folder / f"{name}_network.py"] = NETWORK
    if dataset:
        study += OWN_DATASET.format(name=name)
        files[folder / f"{name}_dataset.py"] = DATASET
    files = {folder / f"{name}.yaml": study, **files}
    for path in files:
        if path.exists():
            raise NoisegridError(f"init: {path.name} exists; delete it, or choose another name")
    for path, text in files.items():
        write_text(path, text)
    return list(files)
