"""Broken: the seed is not used."""

import torch
from torch.utils.data import DataLoader
from training import Examples, fit, small


def train(seed):
    torch.manual_seed(1234)
    network = small()
    return fit(network, DataLoader(Examples(), 8, shuffle=True))
