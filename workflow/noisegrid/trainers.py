"""The contract of a training function of your own, which replaces noisegrid's training loop (docs/own.md).

A recipe names it with `trainer: package.module:function`. It is called as ``function(request, **trainer_options)`` in a
process of its own, in which the switches of the run are already set, and returns a `Trained`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from noisegrid.data.prepared import Dataset


@dataclass(frozen=True)
class Request:
    """What a training function is given.

    Attributes
    ----------
    data : Dataset
        The prepared dataset, memory-mapped: `train_inputs`, `train_labels`, `test_inputs`, `test_labels`, `form`.
    seeds : dict of int
        The seed of each source: `init`, `order`, `augment`, `dropout`, and others that the noise of the cell frees.
        Draw the numbers of a source from its seed alone, so that a held source is the same in all replicates.
    switches : dict
        The switches of PyTorch and of the numerical libraries, which are set already: precision, threads, instruction
        sets, determinism.
    device : str
        The device to train on: `cpu`, `cuda` or `xla`.
    epochs, batch_size : int
        What the recipe states; 1 if it states nothing.
    context : int or None
        For tokens, the length of a window; ``data.part("test", context)`` has the windows and their labels.
    """

    data: Dataset
    seeds: Mapping[str, int]
    switches: Mapping[str, Any]
    device: str
    epochs: int
    batch_size: int
    context: int | None = None


@dataclass(frozen=True)
class Trained:
    """What a training function returns. Arrays may be NumPy arrays or tensors.

    Attributes
    ----------
    outputs : array (test examples, outputs)
        The outputs for the test part, in its order: logits, or values. For tokens, (test windows x context, outputs).
    weights : mapping of str to array, or torch.nn.Module
        The trained parameters, such as a state dict. Equal weights prove that two runs are equal, so leave nothing out.
    losses : sequence of float
        The mean training loss of each epoch.
    midpoint_outputs, midpoint_weights : optional
        The same after half of the epochs; by default, those of the end.
    """

    outputs: Any
    weights: Any
    losses: Sequence[float]
    midpoint_outputs: Any = None
    midpoint_weights: Any = None


def as_array(values: Any) -> np.ndarray:
    """Return an array or a tensor as float32 in memory."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    return np.asarray(values, dtype=np.float32)
