"""Clean: no DataLoader; order and noise are drawn between the steps, and used."""

import torch
from torch import nn
from training import Examples, small


def train(seed):
    torch.manual_seed(seed)
    network, examples = small(dropout=0.3), Examples()
    optimizer = torch.optim.AdamW(network.parameters())
    for _ in range(3):
        for chosen in torch.randperm(len(examples)).split(8):
            inputs = examples.inputs[chosen] + 0.1 * torch.randn(len(chosen), 64)
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs), examples.labels[chosen]).backward()
            optimizer.step()
    return network
