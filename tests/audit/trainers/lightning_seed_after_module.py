"""Broken: the seed is set after the module was made."""

import lightning
from my_project import MyModule, my_loader

from noisegrid.audit.adapters import lightning_fit


@lightning_fit
def train(seed):
    module = MyModule()
    lightning.seed_everything(seed)
    return lightning.Trainer(max_epochs=3), module, my_loader()
