"""Broken: the augmentation draws from Python's generator, which nothing seeds."""

import random

import torch
from torch.utils.data import DataLoader
from training import Examples, fit, small


def brighter(inputs):
    return inputs * random.uniform(0.9, 1.1)


def train(seed):
    torch.manual_seed(seed)
    network = small()
    return fit(network, DataLoader(Examples(brighter), 8, shuffle=True))
