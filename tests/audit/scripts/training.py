"""What the scripts of this folder share: 24 examples of digits, a small network, and a plain training loop."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

#: The file of scikit-learn; importing scikit-learn would take longer than a run.
DIGITS = Path(find_spec("sklearn").origin).parent / "datasets/data/digits.csv.gz"


class Examples(Dataset):
    """Real digits; `augment`, if there is one, changes an example whenever it is read."""

    def __init__(self, augment=None, count=24):
        digits = torch.tensor(np.loadtxt(DIGITS, delimiter=",", max_rows=count))
        self.inputs, self.labels = digits[:, :64].float() / 16, digits[:, 64].long()
        self.augment = augment

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        inputs = self.inputs[index]
        return (self.augment(inputs) if self.augment else inputs), self.labels[index]


def noisy(inputs):
    """Add noise from PyTorch's generator."""
    return inputs + 0.1 * torch.randn(inputs.shape)


def small(dropout=0.0):
    """Return a small network."""
    return nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 10))


def fit(network, loader, epochs=3, after_step=None, after_epoch=None, optimizer=None):
    """Train a network."""
    optimizer = optimizer or torch.optim.SGD(network.parameters(), 0.1)
    for epoch in range(epochs):
        for inputs, labels in loader:
            network.train()
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs), labels).backward()
            optimizer.step()
            if after_step:
                after_step()
        if after_epoch:
            after_epoch(epoch)
    return network


def evaluate(network, loader):
    """Return the number of right answers."""
    network.eval()
    with torch.no_grad():
        return sum(int((network(inputs).argmax(1) == labels).sum()) for inputs, labels in loader)
