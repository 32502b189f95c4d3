"""Batches of a prepared dataset: order and augmentation from their own streams, done for many images at a time.

The augmentation of an example depends on (augment seed, epoch, example) and on nothing else, so changing the order
leaves every example's crop as it was.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from noisegrid.study.seeds import Seeds
from noisegrid.training.noise import epoch_rng

#: Batches whose images are converted and augmented in one go, which spreads the cost of small tensor operations, and
#: their bytes: fewer of large images, of which the device could not hold so many beside the network.
CHUNK, CHUNK_BYTES = 32, 256 * 1024**2
EVALUATION_BATCH = 200  # as the artifact
#: Of ImageNet's training set, in units of full scale (torchvision's transforms).
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
#: Datasets up to this size are kept on the device as they are (uint8).
RESIDENT_BYTES = 4 * 1024**3


class Batches:
    """The images and labels of one part of a dataset, on a device, as the task's network wants them.

    images: uint8 (examples, channels, size, size); labels: int64 (examples,).
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        full_scale: float,
        task: dict[str, Any],
        device: torch.device,
        memory_format: torch.memory_format,
    ) -> None:
        # a dataset that fits stays on the device; a larger one stays a memory map, read a chunk at a time
        self.images = torch.from_numpy(np.array(images)).to(device) if images.nbytes <= RESIDENT_BYTES else images
        self.labels = torch.from_numpy(np.array(labels)).to(device)
        if labels.ndim == 2:  # binary cross-entropy wants numbers
            self.labels = self.labels.float()
        bytes_per_batch = 4 * task["batch_size"] * math.prod(images.shape[1:])
        self.chunk = max(1, min(CHUNK, CHUNK_BYTES // bytes_per_batch))
        self.full_scale = full_scale
        self.task = task
        self.device = device
        self.memory_format = memory_format

    def training(self, seeds: Seeds, epoch: int, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """All examples once, in the order of (order seed, epoch), augmented by (augment seed, epoch, example).

        start: the number of batches to leave out, where a run goes on in the middle of an epoch.
        """
        count = len(self.labels)
        order = torch.from_numpy(self._order(seeds, epoch, count)).to(self.device)
        shifts, flips = self._draw(seeds["augment"], epoch, count)
        boxes = self._draw_boxes(seeds["augment"], epoch, count)
        for number, examples in enumerate(order.split(self.chunk * self.task["batch_size"])):
            skip = start - number * self.chunk
            if skip >= self.chunk:
                continue
            inputs = self._inputs(examples)
            if boxes is not None:
                inputs = resized_crop(inputs, boxes[examples], self.task["augment"]["resized_crop"])
            elif shifts is not None and flips is not None:
                inputs = crop_and_flip(inputs, shifts[examples], flips[examples], self.task["augment"]["pad"])
            inputs = inputs.contiguous(memory_format=self.memory_format)
            batches = zip(
                inputs.split(self.task["batch_size"]),
                self.labels[examples].split(self.task["batch_size"]),
                strict=True,
            )
            yield from itertools.islice(batches, max(skip, 0), None)

    def evaluation(self) -> Iterator[Tensor]:
        """All examples in their own order, as they are."""
        for examples in torch.arange(len(self.labels)).split(EVALUATION_BATCH):
            inputs = self._inputs(examples.to(self.device))
            if size := self.task["augment"].get("resized_crop"):
                edge = (inputs.shape[2] - size) // 2
                inputs = inputs[:, :, edge : edge + size, edge : edge + size]
            yield inputs.contiguous(memory_format=self.memory_format)

    def _inputs(self, examples: Tensor) -> Tensor:
        if isinstance(self.images, Tensor):
            images = self.images[examples]
        else:
            images = torch.from_numpy(self.images[examples.cpu().numpy()]).to(self.device)
        return to_inputs(images, self.task["pixels"], self.full_scale)

    def _order(self, seeds: Seeds, epoch: int, count: int) -> np.ndarray:
        """A permutation of the examples; the source `in_batch_order` shuffles once more, within each batch."""
        order = epoch_rng(seeds["order"], epoch).permutation(count)
        if "in_batch_order" not in seeds:
            return order
        keys = epoch_rng(seeds["in_batch_order"], epoch).random(count)
        shuffled: np.ndarray = order[np.lexsort((keys, np.arange(count) // self.task["batch_size"]))]
        return shuffled

    def _draw_boxes(self, seed: int, epoch: int, count: int) -> Tensor | None:
        if not self.task["augment"].get("resized_crop"):
            return None
        boxes = random_boxes(epoch_rng(seed, epoch), count, self.task["augment"]["flip"])
        return torch.from_numpy(boxes).to(self.device)

    def _draw(self, seed: int, epoch: int, count: int) -> tuple[Tensor | None, Tensor | None]:
        """Shifts (examples, 2) in 0..2*pad and flips (examples,) of every example in one epoch."""
        pad, flip = self.task["augment"]["pad"], self.task["augment"]["flip"]
        if not pad and not flip:
            return None, None
        rng = epoch_rng(seed, epoch)
        shifts = rng.integers(0, 2 * pad, (count, 2), endpoint=True)
        flips = rng.random(count) < (0.5 if flip else 0.0)
        return torch.from_numpy(shifts).to(self.device), torch.from_numpy(flips).to(self.device)


def random_boxes(rng: np.random.Generator, count: int, flip: bool) -> np.ndarray:
    """Inception-style crops: 8 to 100 % of the area, aspect 3/4 to 4/3, anywhere inside, mirrored half of the time.

    (count, 4): centre x and y, half width and half height, in units of the half image; a negative half width mirrors.
    """
    area = rng.uniform(0.08, 1.0, count)
    aspect = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3), count))
    width, height = np.minimum(1, np.sqrt(area * aspect)), np.minimum(1, np.sqrt(area / aspect))
    x, y = (rng.uniform(-1, 1, count) * (1 - extent) for extent in (width, height))
    mirror = np.where(rng.random(count) < (0.5 if flip else 0.0), -1, 1)
    return np.stack([x, y, width * mirror, height], axis=1).astype(np.float32)


def resized_crop(inputs: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Cut each example's box (N, 4; see random_boxes) out of (N, C, H, W) and resize it to size x size, bilinear."""
    x, y, width, height = boxes.unbind(1)
    zero = torch.zeros_like(x)
    affine = torch.stack([torch.stack([width, zero, x], 1), torch.stack([zero, height, y], 1)], 1)
    grid = functional.affine_grid(affine, [len(inputs), inputs.shape[1], size, size], align_corners=False)
    return functional.grid_sample(inputs, grid, mode="bilinear", padding_mode="border", align_corners=False)


def to_inputs(images: Tensor, pixels: str, full_scale: float) -> Tensor:
    """Raw uint8 images (N, C, H, W) to float32 network inputs.

    `scale`: raw / full scale. `raw`: as stored. `imagenet`: minus the channels' mean, over their deviation.
    `standardise`: per image, zero mean and unit deviation, the deviation at least
    1 / sqrt(number of values) (tf.image.per_image_standardization).
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
    """Pad (N, C, H, W) with zeros, crop back to H x W at each example's shift (N, 2), mirror where flips (N,)."""
    height, width = inputs.shape[2:]
    padded = functional.pad(inputs, (pad, pad, pad, pad))
    across = torch.arange(width, device=inputs.device)
    rows = shifts[:, :1] + torch.arange(height, device=inputs.device)
    columns = shifts[:, 1:] + torch.where(flips[:, None], width - 1 - across, across)
    example = torch.arange(len(inputs), device=inputs.device)[:, None, None]
    # the slice between index tensors moves channels last: (N, H, W, C)
    return padded[example, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
