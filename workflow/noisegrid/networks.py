"""The paper's networks as plain modules. Architecture and initialisers: reference artifact, smallcnn.py and resnet.py.

A builder takes classes, channels, size (pixels) and dropout of the task, and options of the network catalog. It draws
its initial weights from torch's global generator, which noise.seed_global has seeded with the `init` stream.
"""

from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from noisegrid.errors import NoisegridError

#: Keras' BatchNormalization defaults, which the artifact uses (its momentum 0.99 is PyTorch's 0.01).
BN_EPSILON, BN_MOMENTUM = 1e-3, 0.01


def build(reference: str, **options: Any) -> nn.Module:
    """Call the builder `package.module:function`; errors say what is wrong with it."""
    module, _, function = reference.partition(":")
    try:
        builder = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise NoisegridError(f"network {reference}: cannot be imported as package.module:function ({error})") from error
    network = builder(**options)
    if not isinstance(network, nn.Module):
        raise NoisegridError(f"network {reference}: returned {type(network).__name__}, not a torch.nn.Module")
    return network


def small_cnn(
    classes: int, channels: int, size: int, dropout: float, batch_norm: bool, momentum: float = BN_MOMENTUM
) -> nn.Module:
    """Three blocks of conv 3x3 (16, 32, 32), [batch norm], max-pool, ReLU; global average pool; dense 32; dense.

    ReLU after pooling equals ReLU before it to the bit and touches a quarter of the values.
    """
    layers: list[nn.Module] = []
    for width in (16, 32, 32):
        layers.append(nn.Conv2d(channels, width, 3, padding=1))
        if batch_norm:
            layers.append(batch_normalisation(width, momentum))
        layers += [nn.MaxPool2d(2), nn.ReLU()]
        channels = width
    layers += [GlobalAverage(), nn.Linear(channels, 32), nn.ReLU()]
    if dropout:
        layers.append(nn.Dropout(dropout))
    layers.append(nn.Linear(32, classes))
    return glorot_uniform(nn.Sequential(*layers))


def resnet18(classes: int, channels: int, size: int, dropout: float, momentum: float = BN_MOMENTUM) -> nn.Module:
    """ResNet-18 with the CIFAR stem: conv 3x3-64, eight basic blocks (64, 128, 256, 512), average pool, dense."""
    layers: list[nn.Module] = [conv3x3(channels, 64), batch_normalisation(64, momentum), nn.ReLU()]
    width = 64
    for block in range(8):
        out = 64 * 2 ** (block // 2)
        layers.append(BasicBlock(width, out, 1 if out == width else 2, momentum))
        width = out
    layers += [GlobalAverage(), *([nn.Dropout(dropout)] if dropout else []), nn.Linear(width, classes)]
    return glorot_uniform(nn.Sequential(*layers))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, which is a 1x1 convolution with batch norm where the shape changes."""

    def __init__(self, channels: int, width: int, stride: int, momentum: float) -> None:
        super().__init__()
        self.conv1 = conv3x3(channels, width, stride)
        self.bn1 = batch_normalisation(width, momentum)
        self.conv2 = conv3x3(width, width)
        self.bn2 = batch_normalisation(width, momentum)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels != width:
            projection = nn.Conv2d(channels, width, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, batch_normalisation(width, momentum))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class GlobalAverage(nn.Module):
    """Mean over both image axes: (N, C, H, W) to (N, C). Written as a mean, whose backward is deterministic on CUDA."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))


def batch_normalisation(width: int, momentum: float) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, eps=BN_EPSILON, momentum=momentum)


def conv3x3(channels: int, width: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)


def glorot_uniform(network: nn.Module) -> nn.Module:
    """Keras' defaults, which the artifact uses: GlorotUniform weights and zero biases."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network
