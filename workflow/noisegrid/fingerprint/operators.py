"""The operators whose bits are compared between processors. To add one, add an entry to OPERATORS.

Sizes and numbers of images are those of the catalog's tasks, because libraries choose kernels and blocks by them. The
networks that are only timed, and ResNet-50, get fewer images.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from noisegrid.fingerprint.inputs import values, whole_numbers
from noisegrid.networks.paper import BN_EPSILON
from noisegrid.networks.pyramid import RegionPool
from noisegrid.study.settings import Optimizer
from noisegrid.training.augmentation import random_boxes, resized_crop, to_inputs
from noisegrid.training.losses import default_loss
from noisegrid.training.noise import epoch_rng, seed_global
from noisegrid.training.optimizers import optimizer_of

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Operator:
    """An operator, and the shapes of the values that it is applied to.

    Attributes
    ----------
    name : str
        The name, which together with the shapes is unique.
    shapes : tuple of tuple of int
        The shape of each input.
    compute : callable
        A function of the inputs that returns a tensor.
    backward : bool
        Whether the gradients of all inputs are computed too.
    """

    name: str
    shapes: tuple[Shape, ...]
    compute: Callable[..., Tensor]
    backward: bool = True

    @property
    def shape(self) -> str:
        """The shapes as text, such as `64x3x8x8 16x3x3x3`."""
        return " ".join("x".join(map(str, shape)) for shape in self.shapes)


def convolution(
    images: int, channels: int, size: int, width: int, kernel: int, bias: bool = False, **options: int
) -> Operator:
    """Return a convolution of square images. `options` are those of torch.nn.functional.conv2d."""
    padding = options.get("dilation", 1) * (kernel // 2) if kernel % 2 else 0
    shapes: tuple[Shape, ...] = (
        (images, channels, size, size),
        (width, channels // options.get("groups", 1), kernel, kernel),
    )
    name = " ".join([f"convolution {kernel}x{kernel}", *(f"{key} {value}" for key, value in options.items())])
    compute = partial(functional.conv2d, padding=padding, **options)
    return Operator(name, (*shapes, (width,)) if bias else shapes, compute)


def elementwise(name: str, compute: Callable[[Tensor], Tensor]) -> Operator:
    """Return a function of single values, applied to a number of values that no vector length divides."""
    return Operator(name, ((4099,),), compute)


def batch_norm(images: int, channels: int, size: int) -> Operator:
    """Return batch norm as in training, with the statistics of the batch."""

    def compute(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return functional.batch_norm(x, None, None, weight, bias, training=True, eps=BN_EPSILON)

    return Operator("batch norm", ((images, channels, size, size), (channels,), (channels,)), compute)


def loss(name: str, images: int, classes: int, smoothing: float = 0.0, attributes: bool = False) -> Operator:
    """Return the loss of a task. Its labels are drawn as integers."""

    def compute(logits: Tensor) -> Tensor:
        labels = whole_numbers("attributes", 2, images, classes).float()
        return default_loss(8 * logits, labels if attributes else whole_numbers("labels", classes, images), smoothing)

    return Operator(name, ((images, classes),), compute)


def update(name: str, settings: Optimizer, steps: int = 3) -> Operator:
    """Return some steps of an optimiser with the same gradient, and the state that they leave."""

    def compute(weights: Tensor, gradient: Tensor) -> Tensor:
        layer = nn.Module()
        layer.weights = nn.Parameter(weights.clone())
        layer.weights.grad = gradient
        optimizer = optimizer_of(layer, settings)
        for _ in range(steps):
            optimizer.step()
        state = [value for value in optimizer.state[layer.weights].values() if value.shape == weights.shape]
        return torch.stack([layer.weights.detach(), *state])

    return Operator(name, ((4099,), (4099,)), compute, backward=False)


def pixels(kind: str) -> Operator:
    """Return the conversion of stored images to inputs, as a task with this setting of `pixels` does it."""

    def compute() -> Tensor:
        return to_inputs(whole_numbers("stored images", 256, 64, 3, 32, 32).to(torch.uint8), kind, 255)

    return Operator(f"pixels {kind}", (), compute, backward=False)


def drawn_order() -> Tensor:
    """Return the order of an epoch, as NumPy draws it."""
    return torch.from_numpy(epoch_rng(1, 0).permutation(1200))


def drawn_boxes() -> Tensor:
    """Return the crops of an epoch, as NumPy computes them."""
    return torch.from_numpy(random_boxes(epoch_rng(1, 0), 1200, flip=True))


def crops(images: Tensor) -> Tensor:
    """Return crops of images, resized to squares. The boxes are exact values."""
    return resized_crop(images, values("boxes", len(images), 4) / 2, 24)


def dropped(x: Tensor) -> Tensor:
    """Return values after dropout, whose mask PyTorch's generator draws."""
    seed_global(1)
    return functional.dropout(x, 0.1)


def attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return the attention of ViT."""
    return functional.scaled_dot_product_attention(query, key, value)


ADAM = Optimizer("adam", learning_rate=0.01, epsilon=1e-7)
SGD = Optimizer("sgd", learning_rate=0.1, momentum=0.9, weight_decay=1e-4)

#: Computed under the switches of a replicate in which `impl` is held.
OPERATORS = (
    # the convolutions of the small CNN on digits, Fashion-MNIST and CIFAR
    convolution(128, 1, 8, 16, 3, bias=True),
    convolution(128, 16, 4, 32, 3, bias=True),
    convolution(128, 32, 2, 32, 3, bias=True),
    convolution(64, 1, 28, 16, 3, bias=True),
    convolution(64, 16, 14, 32, 3, bias=True),
    convolution(64, 32, 7, 32, 3, bias=True),
    convolution(128, 3, 32, 16, 3, bias=True),
    # of ResNet-18 on digits and CIFAR
    convolution(64, 1, 8, 64, 3),
    convolution(64, 64, 8, 64, 3),
    convolution(64, 64, 8, 128, 3, stride=2),
    convolution(64, 64, 8, 128, 1, stride=2),
    convolution(64, 128, 4, 128, 3),
    convolution(64, 128, 4, 256, 3, stride=2),
    convolution(64, 128, 4, 256, 1, stride=2),
    convolution(64, 256, 2, 256, 3),
    convolution(64, 256, 2, 512, 3, stride=2),
    convolution(64, 256, 2, 512, 1, stride=2),
    convolution(64, 512, 1, 512, 3),
    convolution(128, 64, 32, 64, 3),
    convolution(128, 512, 4, 512, 3),
    # of networks for larger images
    convolution(8, 3, 112, 64, 7, stride=2),
    convolution(8, 256, 28, 64, 1),
    convolution(8, 32, 28, 64, 5),
    convolution(8, 32, 28, 64, 7),
    convolution(8, 32, 28, 64, 3, dilation=2),
    convolution(8, 32, 28, 64, 3, groups=8),
    convolution(8, 96, 28, 96, 3, groups=96),
    convolution(8, 3, 64, 192, 16, stride=16),
    # matrix products
    Operator("dense layer", ((128, 32), (32, 32), (32,)), functional.linear),
    Operator("dense layer", ((128, 32), (10, 32), (10,)), functional.linear),
    Operator("dense layer", ((64, 512), (10, 512), (10,)), functional.linear),
    Operator("dense layer", ((8, 2048), (1000, 2048), (1000,)), functional.linear),
    Operator("dense layer", ((4, 197, 192), (768, 192), (768,)), functional.linear),
    Operator("matrix product", ((256, 256), (256, 256)), torch.matmul),
    Operator("attention", ((4, 3, 197, 64),) * 3, attention),
    # normalisation
    batch_norm(128, 16, 8),
    batch_norm(64, 64, 8),
    Operator("layer norm", ((4, 197, 192), (192,), (192,)), lambda x, w, b: functional.layer_norm(x, (192,), w, b)),
    # pooling, upsampling and regions
    Operator("maximum pooling", ((128, 16, 8, 8),), partial(functional.max_pool2d, kernel_size=2)),
    Operator("average pooling", ((64, 64, 8, 8),), partial(functional.avg_pool2d, kernel_size=4)),
    Operator("adaptive average pooling", ((8, 64, 9, 9),), partial(functional.adaptive_avg_pool2d, output_size=7)),
    Operator("global average", ((128, 32, 2, 2),), partial(torch.mean, dim=(2, 3))),
    Operator("global average", ((64, 512, 4, 4),), partial(torch.mean, dim=(2, 3))),
    Operator(
        "bilinear upsampling", ((64, 16, 4, 4),), partial(functional.interpolate, scale_factor=2, mode="bilinear")
    ),
    Operator("sums over regions", ((64, 16, 8, 8),), RegionPool(2)),
    # functions of single values
    elementwise("ReLU", torch.relu),
    elementwise("exp", torch.exp),
    elementwise("log", lambda x: torch.log(x.abs() + 2**-23)),
    elementwise("square root", lambda x: torch.sqrt(x.abs() + 2**-23)),
    elementwise("sigmoid", torch.sigmoid),
    elementwise("tanh", torch.tanh),
    elementwise("GELU", functional.gelu),
    elementwise("SiLU", functional.silu),
    elementwise("dropout", dropped),
    # sums
    Operator("sum", ((4099,),), torch.sum),
    Operator("mean", ((4099,),), torch.mean),
    Operator("sum of columns", ((128, 33),), partial(torch.sum, dim=0)),
    Operator("standard deviation", ((64, 192),), partial(torch.std, dim=1, correction=0)),
    # losses
    Operator("softmax", ((128, 10),), partial(torch.softmax, dim=1)),
    Operator("log softmax", ((128, 10),), partial(torch.log_softmax, dim=1)),
    loss("cross-entropy", 128, 10),
    loss("cross-entropy with smoothing", 32, 1000, smoothing=0.1),
    loss("binary cross-entropy", 128, 40, attributes=True),
    # optimisers
    update("Adam, fused", ADAM),
    update("SGD, fused", SGD),
    # images and their order
    *(pixels(kind) for kind in ("scale", "standardise", "imagenet")),
    Operator("crops, resized", ((16, 3, 32, 32),), crops, backward=False),
    Operator("order of an epoch (NumPy)", (), drawn_order, backward=False),
    Operator("crops of an epoch (NumPy)", (), drawn_boxes, backward=False),
)


def initialiser(name: str, fill: Callable[[Tensor], Tensor]) -> Operator:
    """Return an initialiser of weights, which draws from PyTorch's generator."""

    def compute() -> Tensor:
        seed_global(1)
        return fill(torch.empty(64, 33, 3, 3))

    return Operator(f"initialiser {name}", (), compute, backward=False)


#: Computed under the switches under which initial weights are drawn.
INITIALISERS = (
    initialiser("Glorot uniform", nn.init.xavier_uniform_),
    initialiser("Kaiming uniform", nn.init.kaiming_uniform_),
    initialiser("Kaiming normal", nn.init.kaiming_normal_),
    initialiser("normal", nn.init.normal_),
    initialiser("truncated normal", nn.init.trunc_normal_),
)
