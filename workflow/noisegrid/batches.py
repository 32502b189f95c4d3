"""Batches of a prepared dataset: order and augmentation from their own streams, done for many images at a time.

The augmentation of an example depends on (augment seed, epoch, example) and on nothing else, so changing the order
leaves every example's crop as it was.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from noisegrid.noise import Seeds, epoch_rng

#: Batches whose images are converted and augmented in one go: spreads the cost of small tensor operations.
CHUNK = 32
EVALUATION_BATCH = 200  # as the artifact


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
        self.images = torch.from_numpy(np.array(images)).to(device)
        self.labels = torch.from_numpy(np.array(labels)).to(device)
        self.full_scale = full_scale
        self.task = task
        self.device = device
        self.memory_format = memory_format

    def training(self, seeds: Seeds, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """All examples once, in the order of (order seed, epoch), augmented by (augment seed, epoch, example)."""
        count = len(self.labels)
        order = torch.from_numpy(self._order(seeds, epoch, count)).to(self.device)
        shifts, flips = self._draw(seeds["augment"], epoch, count)
        for examples in order.split(CHUNK * self.task["batch_size"]):
            inputs = to_inputs(self.images[examples], self.task["pixels"], self.full_scale)
            if shifts is not None and flips is not None:
                inputs = crop_and_flip(inputs, shifts[examples], flips[examples], self.task["augment"]["pad"])
            inputs = inputs.contiguous(memory_format=self.memory_format)
            yield from zip(
                inputs.split(self.task["batch_size"]),
                self.labels[examples].split(self.task["batch_size"]),
                strict=True,
            )

    def evaluation(self) -> Iterator[Tensor]:
        """All examples in their own order, as they are."""
        for images in self.images.split(EVALUATION_BATCH):
            inputs = to_inputs(images, self.task["pixels"], self.full_scale)
            yield inputs.contiguous(memory_format=self.memory_format)

    def _order(self, seeds: Seeds, epoch: int, count: int) -> np.ndarray:
        """A permutation of the examples; the source `in_batch_order` shuffles once more, within each batch."""
        order = epoch_rng(seeds["order"], epoch).permutation(count)
        if "in_batch_order" not in seeds:
            return order
        keys = epoch_rng(seeds["in_batch_order"], epoch).random(count)
        shuffled: np.ndarray = order[np.lexsort((keys, np.arange(count) // self.task["batch_size"]))]
        return shuffled

    def _draw(self, seed: int, epoch: int, count: int) -> tuple[Tensor | None, Tensor | None]:
        """Shifts (examples, 2) in 0..2*pad and flips (examples,) of every example in one epoch."""
        pad, flip = self.task["augment"]["pad"], self.task["augment"]["flip"]
        if not pad and not flip:
            return None, None
        rng = epoch_rng(seed, epoch)
        shifts = rng.integers(0, 2 * pad, (count, 2), endpoint=True)
        flips = rng.random(count) < (0.5 if flip else 0.0)
        return torch.from_numpy(shifts).to(self.device), torch.from_numpy(flips).to(self.device)


def to_inputs(images: Tensor, pixels: str, full_scale: float) -> Tensor:
    """Raw uint8 images (N, C, H, W) to float32 network inputs.

    `scale`: raw / full scale. `standardise`: per image, zero mean and unit deviation, the deviation at least
    1 / sqrt(number of values) (tf.image.per_image_standardization).
    """
    inputs = images.to(torch.float32) / full_scale
    if pixels == "scale":
        return inputs
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
