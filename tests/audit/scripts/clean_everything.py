"""Clean: shuffling, augmentation in two workers, dropout, and an evaluation with a generator of its own."""

import torch
from torch.utils.data import DataLoader
from training import Examples, evaluate, fit, noisy, small


def train(seed):
    torch.manual_seed(seed)
    network = small(dropout=0.3)
    loader = DataLoader(Examples(noisy), 8, shuffle=True, num_workers=2)
    test = DataLoader(Examples(), 8, generator=torch.Generator().manual_seed(0))
    return fit(network, loader, after_epoch=lambda epoch: evaluate(network, test))
