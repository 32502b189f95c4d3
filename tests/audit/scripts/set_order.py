"""Broken: the examples are listed by iterating over a set of names."""

import torch
from torch.utils.data import DataLoader, Subset
from training import Examples, fit, small


def train(seed):
    torch.manual_seed(seed)
    network = small()
    names = {f"image {number}" for number in range(24)}
    order = [int(name.split()[1]) for name in names]
    return fit(network, DataLoader(Subset(Examples(), order), 8, shuffle=True))
