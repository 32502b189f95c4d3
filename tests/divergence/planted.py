"""Networks whose step is small, and a disturbance of one unit in the last place at a chosen operation of it."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from noisegrid.divergence import tracer
from noisegrid.divergence.trace import State, Trace
from noisegrid.networks.paper import small_cnn
from noisegrid.training.places import Places


class Block(nn.Module):
    """A residual block with batch norm, as in ResNet, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.shortcut, self.head = nn.Conv2d(3, 4, 1, bias=False), nn.Linear(4, 10)

    def forward(self, x: Tensor) -> Tensor:
        inner = torch.relu(self.bn1(self.conv1(x)))
        return self.head(torch.relu(self.bn2(self.conv2(inner)) + self.shortcut(x)).mean((2, 3)))


class Transformer(nn.Module):
    """A transformer's encoder layer on the rows of an image, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Linear(24, 8), nn.Linear(8, 10)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(self.embed(x.flatten(2).transpose(1, 2).reshape(len(x), 8, 24))).mean(1))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "small CNN with batch norm": lambda: small_cnn(10, 3, 8, batch_norm=True),
    "residual block": Block,
    "transformer block": Transformer,
}


class Plant(TorchDispatchMode):
    """Move one value of the output of the operation with a given number to the next float.

    Operations are numbered as the tracer lists them. `planted` is True once it has happened.
    """

    def __init__(self, target: int) -> None:
        super().__init__()
        self.target, self.number, self.planted = target, -1, False

    def __torch_dispatch__(self, function: Any, types: Sequence[type], args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        outputs = [*tracer.changed_in_place(function, args, kwargs), *tracer._tensors(result)]
        if tracer._computes(function) and outputs:
            self.number += 1
            floats = [one for one in tree_leaves(outputs) if one.is_floating_point() and one.numel()]
            if self.number == self.target and floats:
                first = floats[0]
                place = (0,) * first.dim()
                first[place] = torch.nextafter(first[place], torch.tensor(torch.inf))
                self.planted = True
        return result


def step_of(name: str, target: int = -1) -> tuple[Trace, bool]:
    """Trace one training step of a network, with a difference at one operation; return the trace, and if it exists."""
    torch.manual_seed(0)
    network = NETWORKS[name]().train()
    optimizer = torch.optim.Adam(network.parameters(), fused=True)
    inputs, labels = torch.randn(4, 3, 8, 8), torch.arange(4)
    plant = Plant(target)
    with plant, tracer.traced(Places(network, [optimizer])) as recorder:
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
    return Trace({}, (State({}), State({})), 0, recorder.operations()), plant.planted
