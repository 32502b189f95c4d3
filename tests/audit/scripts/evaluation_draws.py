"""Broken: every evaluation draws from the generator that shuffles the training examples."""

import torch
from torch.utils.data import DataLoader
from training import Examples, evaluate, fit, small


def train(seed):
    torch.manual_seed(seed)
    network = small()
    test = DataLoader(Examples(), 8)
    return fit(network, DataLoader(Examples(), 8, shuffle=True), after_epoch=lambda epoch: evaluate(network, test))
