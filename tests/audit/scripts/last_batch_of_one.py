"""Broken: the last batch of the evaluation has one example, which other kernels may compute."""

import torch
from torch.utils.data import DataLoader
from training import Examples, evaluate, fit, small


def train(seed):
    torch.manual_seed(seed)
    network = small()
    test = DataLoader(Examples(count=25), 8, generator=torch.Generator().manual_seed(0))
    return fit(network, DataLoader(Examples(), 8, shuffle=True), after_epoch=lambda epoch: evaluate(network, test))
