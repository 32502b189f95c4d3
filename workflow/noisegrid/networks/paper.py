"""The paper's networks as PyTorch modules, with the architectures and initialisers of the reference.

Sources: smallcnn.py and resnet.py of the reference.
"""

import torch
from torch import Tensor, nn

from noisegrid.common.errors import NoisegridError

#: Keras' defaults for BatchNormalization, which the reference uses (momentum 0.99 in Keras is 0.01 in PyTorch).
BN_EPSILON, BN_MOMENTUM = 1e-3, 0.01


def small_cnn(
    classes: int, channels: int, size: int, batch_norm: bool, dropout: float = 0.0, momentum: float = BN_MOMENTUM
) -> nn.Module:
    """Build the small CNN of the paper.

    The network starts with three blocks (16, 32 and 32 channels). Each block has a 3x3 convolution, optional batch
    norm, max-pooling and ReLU. Then come global average pooling, a dense layer of 32 units with ReLU, optional dropout,
    and a dense output layer. ReLU after max-pooling gives the same bits as ReLU before max-pooling, and has to process
    only a quarter of the values.
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
    return without_batch_counts(glorot_uniform(nn.Sequential(*layers)))


def resnet18(classes: int, channels: int, size: int, dropout: float = 0.0, momentum: float = BN_MOMENTUM) -> nn.Module:
    """Build ResNet-18 with the CIFAR stem.

    The network has a 3x3 convolution with 64 channels, eight basic blocks (two each with 64, 128, 256 and 512
    channels), average pooling, optional dropout, and a dense output layer.
    """
    layers: list[nn.Module] = [conv3x3(channels, 64), batch_normalisation(64, momentum), nn.ReLU()]
    width = 64
    for block in range(8):
        out = 64 * 2 ** (block // 2)
        layers.append(BasicBlock(width, out, 1 if out == width else 2, momentum))
        width = out
    edge = -(-size // 8)  # three blocks halve the image, rounding up
    # the reference averages windows of 4 x 4 values: for images of 32 pixels, one window is the whole feature map; for
    # images of 128 pixels, there are 4 x 4 windows
    pool, places = (nn.AvgPool2d(4), (edge // 4) ** 2) if edge > 4 else (nn.Identity(), 1)
    layers += [pool, nn.Flatten() if places > 1 else GlobalAverage()]
    layers += [*([nn.Dropout(dropout)] if dropout else []), nn.Linear(width * places, classes)]
    return without_batch_counts(glorot_uniform(nn.Sequential(*layers)))


def resnet50(classes: int, channels: int, size: int, dropout: float = 0.0) -> nn.Module:
    """Build torchvision's ResNet-50. As in the reference, a block applies its stride in the 3x3 convolution."""
    from torchvision.models import resnet50 as torchvision_resnet50

    if channels != 3 or dropout:
        raise NoisegridError("network resnet50 requires images with three channels, and a task without dropout")
    return without_batch_counts(torchvision_resnet50(num_classes=classes))


def medium_cnn(
    classes: int, channels: int, size: int, kernel: int = 3, dilation: int = 1, stride: int = 1, groups: int = 1
) -> nn.Module:
    """Build the medium CNN of the paper (Figure 6, right panel).

    The network has six blocks (16 to 512 channels), global average pooling and a dense layer. Each block has a
    kernel x kernel convolution, batch norm, ReLU and max-pooling. A block has no max-pooling if its convolution has a
    stride above 1, or if only one pixel is left, so that small images can be timed too. A convolution is not grouped if
    the number of its input channels is not divisible by `groups`, as in the first block with its three channels.
    """
    layers: list[nn.Module] = []
    for width in (16, 32, 64, 128, 256, 512):
        padding, part = dilation * (kernel - 1) // 2, 1 if channels % groups else groups
        layers.append(nn.Conv2d(channels, width, kernel, stride, padding, dilation, part))
        layers += [nn.BatchNorm2d(width), nn.ReLU()]
        size = (size - 1) // stride + 1
        if stride == 1 and size > 1:
            layers.append(nn.MaxPool2d(2))
            size //= 2
        channels = width
    return nn.Sequential(*layers, GlobalAverage(), nn.Linear(channels, classes))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut. The shortcut is a 1x1 convolution with batch norm if the shape changes."""

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
        """Map a batch (N, C, H, W) to features (N, width, H / stride, W / stride)."""
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class GlobalAverage(nn.Module):
    """Global average pooling, written as a mean because the backward pass of a mean is deterministic on CUDA."""

    def forward(self, x: Tensor) -> Tensor:
        """Average a batch (N, C, H, W) over height and width to (N, C)."""
        return x.mean(dim=(2, 3))


def batch_normalisation(width: int, momentum: float) -> nn.BatchNorm2d:
    """Return a batch-norm layer with the given momentum and Keras' default epsilon."""
    return nn.BatchNorm2d(width, eps=BN_EPSILON, momentum=momentum)


def without_batch_counts(network: nn.Module) -> nn.Module:
    """Remove the counts of batches from the batch-norm layers of a network.

    PyTorch uses such a count only if a layer has no momentum. Otherwise, counting costs a kernel per layer and step,
    and changes nothing.
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.momentum is not None:
            module.num_batches_tracked = None
    return network


def conv3x3(channels: int, width: int, stride: int = 1) -> nn.Conv2d:
    """Return a 3x3 convolution without bias. If the stride is 1, the convolution keeps the image size."""
    return nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)


def glorot_uniform(network: nn.Module) -> nn.Module:
    """Initialise a network with Keras' defaults, as in the reference: GlorotUniform weights and zero biases."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network
