"""Clean: each rank has a seed of its own after the network is made."""

import tempfile

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler
from training import Examples, fit, small


def rank_of_two(rank, seed, store):
    distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    torch.manual_seed(seed)
    network = DistributedDataParallel(small(dropout=0.3))
    torch.manual_seed(1000 * seed + rank)
    sampler = DistributedSampler(Examples(), 2, rank, seed=seed)
    fit(network, DataLoader(Examples(), 4, sampler=sampler), after_epoch=lambda epoch: sampler.set_epoch(epoch + 1))
    distributed.destroy_process_group()


def train(seed):
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(rank_of_two, (seed, f"{folder}/store"), nprocs=2)
