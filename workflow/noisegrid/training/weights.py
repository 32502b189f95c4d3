"""The weights of a network as one vector: read, written, hashed, and disturbed by one unit in the last place."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from noisegrid.records.layout import Layout, parameter_count
from noisegrid.study.seeds import Seeds
from noisegrid.training import noise


@dataclass(frozen=True)
class Weights:
    """The parameters and buffers of a network as one vector, so that distances can be computed without PyTorch.

    Attributes
    ----------
    vector : float32 (values,)
        Parameters first, then buffers.
    layout : list of dict
        For each tensor: name, shape, kind (parameter or buffer), and the index of its first value in the vector.
    """

    vector: np.ndarray
    layout: Layout

    @property
    def parameters(self) -> int:
        """The number of values in the vector that are parameters. They come first; the other values are buffers."""
        return parameter_count(self.layout, len(self.vector))

    @property
    def hash(self) -> str:
        """The SHA-256 of the vector. Equal hashes mean bitwise equal weights."""
        return hashlib.sha256(self.vector.tobytes()).hexdigest()


def disturbed(weights: Weights, seeds: Seeds) -> Weights:
    """Return the weights. If `one_ulp` has a seed, move one of the parameters by one unit in the last place."""
    if "one_ulp" not in seeds:
        return weights
    count = weights.parameters
    moved = noise.move_one_weight(weights.vector[:count], seeds["one_ulp"])
    return Weights(np.concatenate([moved, weights.vector[count:]]), weights.layout)


def load_weights(network: nn.Module, weights: Weights) -> None:
    """Copy a weight vector into a network with the same layout."""
    tensors = dict(network.named_parameters()) | dict(network.named_buffers())
    vector = torch.from_numpy(weights.vector)
    with torch.no_grad():
        for part in weights.layout:
            tensor = tensors[part["name"]]
            tensor.copy_(vector[part["start"] : part["start"] + tensor.numel()].view(tensor.shape))


def weights_of(network: nn.Module) -> Weights:
    """Return the parameters and floating-point buffers (batch norm's running statistics) as one float32 vector."""
    tensors: list[tuple[str, str, Tensor]] = [
        (name, "parameter", tensor) for name, tensor in network.named_parameters()
    ]
    tensors += [(name, "buffer", tensor) for name, tensor in network.named_buffers() if tensor.is_floating_point()]
    return vector_of((name, kind, tensor.detach().cpu().to(torch.float32).numpy()) for name, kind, tensor in tensors)


def vector_of(arrays: Iterable[tuple[str, str, np.ndarray]]) -> Weights:
    """Return arrays as one vector.

    Parameters
    ----------
    arrays : iterable of (str, str, float32 array)
        The name of each array, its kind (`parameter` or `buffer`), and the array. The parameters come first.
    """
    vectors, layout, start = list[np.ndarray](), list[dict[str, object]](), 0
    for name, kind, array in arrays:
        vectors.append(array.ravel())
        layout.append({"name": name, "shape": list(array.shape), "kind": kind, "start": start})
        start += array.size
    return Weights(np.concatenate(vectors), layout)
