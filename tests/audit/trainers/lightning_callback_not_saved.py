"""Broken: averaged weights are in a callback that puts nothing into the checkpoint. Nothing is drawn in training."""

import lightning
import torch
from my_project import MyModule
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from training import Examples

from noisegrid.audit.adapters import lightning_fit


class Average(lightning.Callback):
    def on_fit_start(self, trainer, module):
        self.average = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(0.9))

    def on_train_batch_end(self, trainer, module, *_):
        self.average.update_parameters(module)


class Module(MyModule):
    def __init__(self):
        super().__init__()
        self.network = nn.Linear(64, 10)


@lightning_fit
def train(seed):
    lightning.seed_everything(seed)
    loader = DataLoader(Examples(), 8, generator=torch.Generator())
    return lightning.Trainer(max_epochs=6, callbacks=[Average()]), Module(), loader
