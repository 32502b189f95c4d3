"""The result of a training run: the history, and the outputs and weights at its midpoint and at its end."""

from dataclasses import dataclass

import numpy as np

from noisegrid.training.weights import Weights


class Diverged(Exception):
    """Raised when the mean training loss of an epoch, or a logit of a test example, is not finite."""


@dataclass(frozen=True)
class Snapshot:
    """The outputs and the weights of the network at one point of the training.

    Attributes
    ----------
    logits : float32 (test examples, outputs)
        Outputs for the test set: logits, or values. For tokens, each token of each window is an example.
    weights : Weights
        Parameters and buffers.
    """

    logits: np.ndarray
    weights: Weights


@dataclass(frozen=True)
class Outcome:
    """The result of a training run.

    Attributes
    ----------
    initial_hash : str
        Hash of the initial weights as drawn, before the source `one_ulp`, if it is free, changes one of them.
    midpoint : Snapshot
        The state after half of the epochs, which is the point at which the reference measures churn.
    final : Snapshot
        The state after the last epoch.
    history : list of dict
        For each epoch: its index, the learning rate of its first step, the mean training loss (in nats for
        cross-entropy) and the duration (seconds).
    seconds : dict
        Durations in seconds: `training_s` of the training alone, and `total_s` of the whole run.
    resumed : int
        How often the run was resumed from a checkpoint. With autotuning, every process searches for kernels again, so
        a resumed run may mix kernels.
    by_epoch : (epochs, test examples, ...) or None
        The predictions after each epoch, if they were wanted.
    """

    initial_hash: str
    midpoint: Snapshot
    final: Snapshot
    history: list[dict[str, float]]
    seconds: dict[str, float]
    resumed: int
    by_epoch: np.ndarray | None = None
