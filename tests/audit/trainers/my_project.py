"""What a user has: a network for each library, and digits. It is used by docs/audit.md."""

import lightning
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from training import Examples, small


class MyModule(lightning.LightningModule):
    """For Lightning."""

    def __init__(self):
        super().__init__()
        self.network = small(dropout=0.2)

    def training_step(self, batch, index):
        inputs, labels = batch
        return nn.functional.cross_entropy(self.network(inputs), labels)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1, momentum=0.9)


def my_loader():
    return DataLoader(Examples(), 8, shuffle=True)


class MyModel(nn.Module):
    """For transformers."""

    def __init__(self):
        super().__init__()
        self.network = small(dropout=0.2)

    def forward(self, inputs, labels):
        logits = self.network(inputs)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


class MyExamples(Dataset):
    """For transformers: each example is a dict."""

    def __init__(self):
        self.examples = Examples()

    def __len__(self):
        return len(self.examples)

    def __getitem__(self, index):
        inputs, labels = self.examples[index]
        return {"inputs": inputs, "labels": labels}
