"""A network and a dataset of your own. Put a module like this one into the folder where you run snakemake."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from torch import nn

from noisegrid.readers import Raw


def mlp(classes: int, channels: int, size: int, width: int) -> nn.Module:
    """Return one hidden layer. The dataset gives classes, channels and size; the task's network_options give width."""
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * size * size, width), nn.ReLU(), nn.Linear(width, classes))


def digit_traits(folder: Path | None, cache: Path) -> Raw:
    """Return digits with three yes-or-no traits instead of a class, and sub-groups by how much ink an image has.

    `folder` is what config.yaml names for this dataset under dataset_folders, here nothing; `cache` is for downloads.
    """
    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.uint8).reshape(-1, 1, 8, 8)
    traits = np.stack([labels % 2 == 1, labels > 4, np.isin(labels, (0, 6, 8, 9))], axis=1)  # odd, large, has a loop
    ink = images[1200:].mean(axis=(1, 2, 3))
    thin = ink < np.quantile(ink, 0.2)
    return Raw(images[:1200], traits[:1200], images[1200:], traits[1200:], {"thin": thin, "bold": ~thin}, target=0)
