"""Broken: cuDNN chooses its kernels by timing them."""

import torch
from torch.utils.data import DataLoader
from training import Examples, fit, small


def train(seed):
    torch.manual_seed(seed)
    torch.backends.cudnn.benchmark = True
    network = small()
    return fit(network, DataLoader(Examples(), 8, shuffle=True))
