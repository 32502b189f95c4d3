"""Batches of a prepared dataset. The images of several batches are converted and augmented together.

The order and the augmentation are drawn from separate random streams. The augmentation of an example depends only on
the augment seed, the epoch and the example, so changing the order does not change the crop of any example.
"""

import itertools
import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from noisegrid.study.seeds import Seeds
from noisegrid.study.settings import Task
from noisegrid.training.noise import epoch_rng

#: A span is a group of batches that are converted and augmented together, because a few large tensor operations take
#: less time than many small ones. A span has at most SPAN batches and at most SPAN_BYTES (but at least one batch),
#: because the device must hold the span and the network at the same time.
SPAN, SPAN_BYTES = 32, 256 * 1024**2
#: Images in every batch of an evaluation, as in the reference. The bits of an image's logits depend on this number.
EVALUATION_BATCH = 200
#: Mean and standard deviation of each channel in ImageNet's training set, as fractions of full scale. From torchvision.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
#: The images of the training part or test part are kept on the device, as uint8, if they take at most this many bytes.
RESIDENT_BYTES = 4 * 1024**3


class Batches:
    """The training or test part of a dataset, in batches on a device.

    Parameters
    ----------
    images : uint8 (examples, channels, size, size)
        The stored images.
    labels : int64 (examples,) or uint8 (examples, attributes)
        The class of each example or, in a dataset with attributes, 0 or 1 for each attribute of each example.
    full_scale : float
        The largest value that a pixel can have.
    task : Task
        The recipe of the task, which gives the batch size, the pixel scaling and the augmentation.
    device : torch.device
        The device to put the batches on.
    memory_format : torch.memory_format
        The layout of the batches in memory.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        full_scale: float,
        task: Task,
        device: torch.device,
        memory_format: torch.memory_format,
    ) -> None:
        # a small dataset is kept on the device; a larger one stays memory-mapped and is read in spans
        self.images = torch.from_numpy(np.array(images)).to(device) if images.nbytes <= RESIDENT_BYTES else images
        self.labels = torch.from_numpy(np.array(labels)).to(device)
        if labels.ndim == 2:  # binary cross-entropy requires floating point
            self.labels = self.labels.float()
        bytes_per_batch = 4 * task.batch_size * math.prod(images.shape[1:])
        self.span = max(1, min(SPAN, SPAN_BYTES // bytes_per_batch))
        self.full_scale = full_scale
        self.task = task
        self.device = device
        self.memory_format = memory_format

    def training(self, seeds: Seeds, epoch: int, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches of one epoch: every example once, shuffled and augmented.

        Parameters
        ----------
        seeds : Seeds
            The seed of each source. The batches depend on the seeds of `order`, `augment` and, if there is one,
            `in_batch_order`.
        epoch : int
            Index of the epoch, from 0.
        start : int
            Number of batches to skip, for a run that resumes in the middle of an epoch.

        Yields
        ------
        inputs : float32 (batch, channels, size, size)
        labels : (batch,) or (batch, attributes)
        """
        count = len(self.labels)
        order = torch.from_numpy(self._order(seeds, epoch, count)).to(self.device)
        shifts, flips = self._draw(seeds["augment"], epoch, count)
        boxes, size = self._draw_boxes(seeds["augment"], epoch, count), self.task.augment.resized_crop
        for number, examples in enumerate(order.split(self.span * self.task.batch_size)):
            skip = start - number * self.span
            if skip >= self.span:
                continue
            inputs = self._inputs(examples)
            if boxes is not None and size is not None:
                inputs = resized_crop(inputs, boxes[examples], size)
            elif shifts is not None and flips is not None:
                inputs = crop_and_flip(inputs, shifts[examples], flips[examples], self.task.augment.pad)
            inputs = inputs.contiguous(memory_format=self.memory_format)
            batches = zip(
                inputs.split(self.task.batch_size),
                self.labels[examples].split(self.task.batch_size),
                strict=True,
            )
            yield from itertools.islice(batches, max(skip, 0), None)

    def evaluation(self) -> Iterator[Tensor]:
        """Yield the inputs of all examples in stored order, without random augmentation, in batches of equal size.

        Libraries choose kernels by the size of a batch, and kernels round differently. The last batch is therefore
        filled up with copies of the last example, so that the logits of an example do not depend on how many examples
        follow it. The caller drops the outputs of the copies.

        Yields
        ------
        float32 (EVALUATION_BATCH, channels, size, size)
        """
        count = len(self.labels)
        filled = EVALUATION_BATCH * math.ceil(count / EVALUATION_BATCH)
        for examples in torch.arange(filled).clamp(max=count - 1).split(EVALUATION_BATCH):
            inputs = self._inputs(examples.to(self.device))
            if size := self.task.augment.resized_crop:
                edge = (inputs.shape[2] - size) // 2
                inputs = inputs[:, :, edge : edge + size, edge : edge + size]
            yield inputs.contiguous(memory_format=self.memory_format)

    def _inputs(self, examples: Tensor) -> Tensor:
        if isinstance(self.images, Tensor):
            images = self.images[examples]
        else:
            images = torch.from_numpy(self.images[examples.cpu().numpy()]).to(self.device)
        return to_inputs(images, self.task.pixels, self.full_scale)

    def _order(self, seeds: Seeds, epoch: int, count: int) -> np.ndarray:
        """Return a permutation of the examples. If `in_batch_order` has a seed, each batch is shuffled once more."""
        order = epoch_rng(seeds["order"], epoch).permutation(count)
        if "in_batch_order" not in seeds:
            return order
        keys = epoch_rng(seeds["in_batch_order"], epoch).random(count)
        shuffled: np.ndarray = order[np.lexsort((keys, np.arange(count) // self.task.batch_size))]
        return shuffled

    def _draw_boxes(self, seed: int, epoch: int, count: int) -> Tensor | None:
        if not self.task.augment.resized_crop:
            return None
        boxes = random_boxes(epoch_rng(seed, epoch), count, self.task.augment.flip)
        return torch.from_numpy(boxes).to(self.device)

    def _draw(self, seed: int, epoch: int, count: int) -> tuple[Tensor | None, Tensor | None]:
        """Draw the random shift and the random flip of every example in one epoch.

        Returns
        -------
        shifts : int64 (examples, 2), or None for a task with neither shifts nor flips
            Vertical and horizontal shift in pixels, from 0 to twice the width of the padding.
        flips : bool (examples,), or None for a task with neither shifts nor flips
            Whether to mirror the example.
        """
        pad, flip = self.task.augment.pad, self.task.augment.flip
        if not pad and not flip:
            return None, None
        rng = epoch_rng(seed, epoch)
        shifts = rng.integers(0, 2 * pad, (count, 2), endpoint=True)
        flips = rng.random(count) < (0.5 if flip else 0.0)
        return torch.from_numpy(shifts).to(self.device), torch.from_numpy(flips).to(self.device)


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
        mean, deviation = (torch.tensor(v, device=inputs.device)[:, None, None] for v in (IMAGENET_MEAN, IMAGENET_STD))
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
