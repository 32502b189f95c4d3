"""Broken: the seed is taken from the clock."""

import time

import torch
from torch.utils.data import DataLoader
from training import Examples, fit, small


def train(seed):
    torch.manual_seed(time.time_ns() % 2**31)
    network = small()
    return fit(network, DataLoader(Examples(), 8, shuffle=True))
