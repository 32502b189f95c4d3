"""Broken: shuffling with drop_last leaves other examples out in every epoch and under every seed."""

import torch
from torch.utils.data import DataLoader
from training import Examples, fit, small


def train(seed):
    torch.manual_seed(seed)
    network = small()
    return fit(network, DataLoader(Examples(), 10, shuffle=True, drop_last=True))
