"""From stored images to network inputs: scaling, random crops and flips, as tensor operations on the device."""

from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

#: Mean and standard deviation of each channel in ImageNet's training set, as fractions of full scale. From torchvision.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def random_boxes(rng: np.random.Generator, count: int, flip: bool) -> np.ndarray:
    """Draw random crops as in the training of Inception networks.

    A crop covers 8 to 100 % of the image, has an aspect ratio between 3/4 and 4/3, and may lie anywhere in the image.
    A crop that would be wider or higher than the image is cut to the width or height of the image.

    Parameters
    ----------
    rng : Generator
        The generator to draw from.
    count : int
        Number of crops.
    flip : bool
        Whether to mirror each crop with a probability of one half.

    Returns
    -------
    float32 (count, 4)
        Centre x, centre y, half width and half height of each crop, in coordinates that run from -1 to 1 across the
        image. A negative half width means that the crop is mirrored.
    """
    area = rng.uniform(0.08, 1.0, count)
    aspect = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3), count))
    width, height = np.minimum(1, np.sqrt(area * aspect)), np.minimum(1, np.sqrt(area / aspect))
    x, y = (rng.uniform(-1, 1, count) * (1 - extent) for extent in (width, height))
    mirror = np.where(rng.random(count) < (0.5 if flip else 0.0), -1, 1)
    return np.stack([x, y, width * mirror, height], axis=1).astype(np.float32)


def resized_crop(inputs: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Crop each image to a box, and resize the crop bilinearly to size x size pixels.

    Parameters
    ----------
    inputs : float32 (N, C, H, W)
        The images.
    boxes : float32 (N, 4)
        The box of each image, as returned by random_boxes.
    size : int
        Height and width of the result in pixels.
    """
    x, y, width, height = boxes.unbind(1)
    zero = torch.zeros_like(x)
    affine = torch.stack([torch.stack([width, zero, x], 1), torch.stack([zero, height, y], 1)], 1)
    grid = functional.affine_grid(affine, [len(inputs), inputs.shape[1], size, size], align_corners=False)
    return functional.grid_sample(inputs, grid, mode="bilinear", padding_mode="border", align_corners=False)


def to_inputs(images: Tensor, pixels: str, full_scale: float) -> Tensor:
    """Convert stored images to network inputs.

    Parameters
    ----------
    images : uint8 (N, C, H, W)
        The stored images.
    pixels : {"scale", "raw", "imagenet", "standardise"}
        `scale` divides by full scale. `raw` keeps the stored values. `imagenet` divides by full scale, subtracts
        IMAGENET_MEAN and divides by IMAGENET_STD, channel by channel. `standardise` gives each image zero mean and unit
        standard deviation, as tf.image.per_image_standardization does: the divisor is at least 1 / sqrt(number of
        values).
    full_scale : float
        The largest value that a pixel can have.

    Returns
    -------
    float32 (N, C, H, W)
    """
    inputs = images.to(torch.float32) / full_scale
    if pixels == "scale":
        return inputs
    if pixels == "raw":
        return inputs * full_scale
    if pixels == "imagenet":
        mean, deviation = _imagenet_statistics(inputs.device)
        return (inputs - mean) / deviation
    flat = inputs.flatten(1)
    mean = flat.mean(dim=1)[:, None, None, None]
    deviation = flat.std(dim=1, correction=0).clamp(min=flat.shape[1] ** -0.5)[:, None, None, None]
    return (inputs - mean) / deviation


def crop_and_flip(inputs: Tensor, shifts: Tensor, flips: Tensor, pad: int) -> Tensor:
    """Pad each image with zeros, crop it to its original size at the given shift, and mirror it where required.

    Parameters
    ----------
    inputs : float32 (N, C, H, W)
        The images.
    shifts : int64 (N, 2)
        First row and first column of each crop in the padded image.
    flips : bool (N,)
        Whether to mirror each image.
    pad : int
        Width of the padding on each side, in pixels.
    """
    count, channels, height, width = inputs.shape
    padded = functional.pad(inputs, (pad, pad, pad, pad))
    across = torch.arange(width, device=inputs.device)
    rows = shifts[:, :1] + torch.arange(height, device=inputs.device)
    columns = shifts[:, 1:] + torch.where(flips[:, None], width - 1 - across, across)
    # one gather over flat images takes a quarter of the time of an index with three tensors
    pixels = (rows[:, :, None] * padded.shape[3] + columns[:, None, :]).view(count, 1, height * width)
    cropped = padded.view(count, channels, -1).gather(2, pixels.expand(count, channels, height * width))
    return cropped.view(inputs.shape)


@cache
def _imagenet_statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return IMAGENET_MEAN and IMAGENET_STD on a device, copied there once, with shapes (channels, 1, 1)."""
    with torch.inference_mode(False):  # an evaluation may ask first, and training could not use its tensors
        mean, deviation = (torch.tensor(v, device=device)[:, None, None] for v in (IMAGENET_MEAN, IMAGENET_STD))
    return mean, deviation
