"""Clean: worker_init_fn gives the dataset's NumPy generator another seed in every worker and epoch."""

import numpy as np
import torch
from torch.utils.data import DataLoader, get_worker_info
from training import Examples, fit, small


class Noisy(Examples):
    def __init__(self):
        super().__init__()
        self.rng = np.random.default_rng(0)

    def __getitem__(self, index):
        inputs, label = super().__getitem__(index)
        return inputs + 0.1 * torch.tensor(self.rng.normal(size=64), dtype=torch.float32), label


def seed_worker(worker):
    get_worker_info().dataset.rng = np.random.default_rng(torch.initial_seed())


def train(seed):
    torch.manual_seed(seed)
    network = small()
    return fit(network, DataLoader(Noisy(), 8, shuffle=True, num_workers=2, worker_init_fn=seed_worker))
