"""Broken: the seed is set after the network was made."""

import torch
from torch.utils.data import DataLoader
from training import Examples, fit, small


def train(seed):
    network = small()
    torch.manual_seed(seed)
    return fit(network, DataLoader(Examples(), 8, shuffle=True))
