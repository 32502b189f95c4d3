"""Clean: validation with a generator of its own, two batches per step, and the random states in the checkpoint."""

import lightning
import torch
from my_project import MyModule
from torch.utils.data import DataLoader
from training import Examples

from noisegrid.audit.adapters import lightning_fit


class RandomStates(lightning.Callback):
    def state_dict(self):
        return {"torch": torch.get_rng_state()}

    def load_state_dict(self, state):
        torch.set_rng_state(state["torch"])


class Module(MyModule):
    def validation_step(self, batch, index):
        self.log("loss", self.training_step(batch, index))


@lightning_fit
def train(seed):
    lightning.seed_everything(seed)
    trainer = lightning.Trainer(max_epochs=6, accumulate_grad_batches=2, callbacks=[RandomStates()])
    validation = DataLoader(Examples(), 8, generator=torch.Generator())
    return trainer, Module(), DataLoader(Examples(), 4, shuffle=True), validation
