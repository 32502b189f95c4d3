"""The average of the weights that is evaluated instead of the last weights, if the recipe asks for one."""

from typing import Any

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from noisegrid.study.settings import Task


class AveragedWeights:
    """A running average of the weights and buffers of a network, or the network itself if the recipe has none.

    Parameters
    ----------
    network : Module
        The network that is trained.
    task : Task
        The recipe.
    """

    def __init__(self, network: nn.Module, task: Task) -> None:
        self.network, self.average = network, task.average
        self.first_epoch = 0
        self.model: AveragedModel | None = None
        if self.average is not None:
            decay = self.average.decay
            rule = None if decay is None else get_ema_multi_avg_fn(decay)
            self.model = AveragedModel(network, multi_avg_fn=rule, use_buffers=True)
            self.first_epoch = task.epochs - (self.average.last_epochs or task.epochs)

    @property
    def evaluated(self) -> nn.Module:
        """The network to evaluate: the last weights, as long as no weights have entered the average."""
        if self.model is None or not int(self.model.n_averaged):
            return self.network
        averaged: nn.Module = self.model.module
        return averaged

    def after_step(self) -> None:
        """Take the weights into an exponential moving average."""
        if self.model is not None and self.average is not None and self.average.decay is not None:
            self.model.update_parameters(self.network)

    def after_epoch(self, epoch: int) -> None:
        """Take the weights at the end of an epoch, counted from 0, into a plain average."""
        plain = self.average is not None and self.average.decay is None
        if self.model is not None and plain and epoch >= self.first_epoch:
            self.model.update_parameters(self.network)

    def state_dict(self) -> dict[str, Any]:
        """Return the average as tensors; empty without one."""
        return {} if self.model is None else self.model.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the average."""
        if self.model is not None:
            self.model.load_state_dict(state)
