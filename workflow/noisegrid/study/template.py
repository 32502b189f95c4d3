"""The files that `noisegrid init` writes: a study that can be run unchanged, with comments on what to change."""

import re
import unicodedata
from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import write_text

STUDY = """\
# A study: hardware x task x noise, with replicates. `noisegrid check {name}.yaml` reports mistakes,
# `noisegrid plan {name}.yaml` shows its jobs, `snakemake --config study={name}.yaml` runs it.

name: {name}
seed: 1                      # the root seed of all random numbers in the study
cells:
  - hardware: [cpu]          # names in workflow/catalog/hardware.yaml, or auto
    tasks: [{task}]
    noise: [algo_impl, algo, impl, control]   # what is free; all else is held (docs/noise.md)
    replicates: 5            # training runs per cell; two is the minimum, ten and more have five seed sets
tasks:
  {task}:
    like: smallcnn-digits    # start from a task of workflow/catalog/tasks.yaml, and list the changes
    epochs: 4
    schedule: [[2, 0.1]]     # from epoch 2 on, the learning rate is multiplied by 0.1
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
    channels: 1              # with channels and size, `noisegrid check {name}.yaml --import` can try the network
    size: 8                  # height and width in pixels
"""
NETWORK = '''\
"""Your own network. Its initial weights come from PyTorch's global generator, as usual."""

from torch import nn


def network(classes: int, channels: int, size: int, width: int) -> nn.Module:
    """Return a network with one hidden layer.

    The dataset sets classes, channels and size (pixels); the study sets the width.
    """
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * size * size, width), nn.ReLU(), nn.Linear(width, classes))
'''
DATASET = '''\
"""Your own dataset. It is read once; its arrays are then checksummed and shared by all replicates."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from noisegrid.readers import Raw


def read(folder: Path | None, cache: Path) -> Raw:
    """Return the training images, their labels, the test images and their labels.

    Images are uint8 or float32 arrays of shape (examples, channels, size, size). Labels are integer arrays of shape
    (examples,).
    `folder` is the entry of this dataset under dataset_folders in config.yaml, or None. `cache` is the folder for
    downloads.
    """
    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.uint8).reshape(-1, 1, 8, 8)
    return Raw(images[:1200], labels[:1200], images[1200:], labels[1200:])
'''


def _plain(name: str) -> str:
    """Return a name like the given one that can be the name of a Python module."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"^[^A-Za-z]+", "", re.sub(r"[^A-Za-z0-9]+", "_", letters)).strip("_") or "mine"


def write(name: str, folder: Path, network: bool, dataset: bool) -> list[Path]:
    """Write a study file and, if requested, example files for a network and a dataset.

    Parameters
    ----------
    name : str
        The name of the study.
    folder : Path
        The folder for the files.
    network, dataset : bool
        Whether to write an example network, and whether to write an example dataset.

    Returns
    -------
    list of Path
        The paths of the written files; the study file comes first.

    Raises
    ------
    NoisegridError
        If the name cannot be the name of a Python module, or if one of the files already exists.
    """
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) is None:
        raise NoisegridError(
            f"init: the name {name!r} may contain only letters, digits and '_', and must start with a letter "
            f"(a to z or A to Z); try {_plain(name)!r}"
        )
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
