"""Batches of a prepared dataset. The inputs of several batches are converted and augmented together.

A small dataset is kept on the device. A larger one stays memory-mapped, and is read ahead (training/prefetch.py).

The order and the augmentation are drawn from separate random streams. The augmentation of an example depends only on
the augment seed, the epoch and the example, so changing the order does not change the crop of any example.
"""

import itertools
import math
from collections.abc import Callable, Generator, Iterator

import numpy as np
import torch
from torch import Tensor

from noisegrid.data.form import ATTRIBUTES, IMAGES, NEXT_TOKENS, TOKENS, Form
from noisegrid.study.seeds import Seeds
from noisegrid.study.settings import Task
from noisegrid.training.augmentation import crop_and_flip, random_boxes, resized_crop, to_inputs
from noisegrid.training.noise import epoch_rng
from noisegrid.training.prefetch import Prefetch

#: A span is a group of batches that are converted and augmented together, because a few large tensor operations take
#: less time than many small ones. A span has at most SPAN batches and at most SPAN_BYTES (but at least one batch),
#: because the device must hold the span and the network at the same time.
SPAN, SPAN_BYTES = 32, 256 * 1024**2
#: Examples in every batch of an evaluation, as in the reference. The bits of the logits depend on this number.
EVALUATION_BATCH = 200
#: The training part or test part is kept on the device, as it is stored, if it takes at most this many bytes.
RESIDENT_BYTES = 4 * 1024**3


class Batches:
    """The training or test part of a dataset, in batches on a device.

    Parameters
    ----------
    stored : array (examples, ...)
        The stored inputs.
    labels : array (examples, ...)
        Their labels: classes, attributes, values or tokens.
    form : Form
        The form of the dataset.
    task : Task
        The recipe of the task, which gives the batch size, the pixel scaling and the augmentation.
    device : torch.device
        The device to put the batches on.
    memory_format : torch.memory_format
        The layout of the batches in memory.
    """

    def __init__(
        self,
        stored: np.ndarray,
        labels: np.ndarray,
        form: Form,
        task: Task,
        device: torch.device,
        memory_format: torch.memory_format,
    ) -> None:
        resident = stored.nbytes <= RESIDENT_BYTES
        self.stored = torch.from_numpy(np.array(stored)).to(device) if resident else Prefetch(stored, device)
        self.labels = torch.from_numpy(np.array(labels)).to(device)
        if form.labels == ATTRIBUTES:  # binary cross-entropy requires floating point
            self.labels = self.labels.float()
        elif form.labels == NEXT_TOKENS:
            self.labels = self.labels.long()
        bytes_per_batch = 4 * task.batch_size * math.prod(stored.shape[1:])
        # XLA would compile a graph of its own for each place of a batch in its span
        self.span = 1 if device.type == "xla" else max(1, min(SPAN, SPAN_BYTES // bytes_per_batch))
        self.form = form
        self.task = task
        self.device = device
        self.memory_format = memory_format

    def training(self, seeds: Seeds, epoch: int, start: int = 0) -> Generator[tuple[Tensor, Tensor], None, None]:
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
        inputs : float32 (batch, ...), or int64 (batch, tokens)
        labels : (batch,) or (batch, ...)
        """
        count = len(self.labels)
        order = torch.from_numpy(self.order(seeds, epoch, count))
        first = start // self.span  # the spans before it are finished
        augmented = self._augmentation(seeds["augment"], epoch, count)
        for number, (examples, stored) in enumerate(self._spans(order, self.span * self.task.batch_size, first), first):
            inputs = augmented(self._converted(stored), examples)
            batches = zip(
                self._laid_out(inputs).split(self.task.batch_size),
                self.labels[examples].split(self.task.batch_size),
                strict=True,
            )
            yield from itertools.islice(batches, max(start - number * self.span, 0), None)

    def evaluation(self) -> Iterator[Tensor]:
        """Yield the inputs of all examples in stored order, without random augmentation, in batches of equal size.

        Libraries choose kernels by the size of a batch, and kernels round differently. The last batch is therefore
        filled up with copies of the last example, so that the logits of an example do not depend on how many examples
        follow it. The caller drops the outputs of the copies.

        Yields
        ------
        float32 (EVALUATION_BATCH, ...), or int64 (EVALUATION_BATCH, tokens)
        """
        count = len(self.labels)
        filled = EVALUATION_BATCH * math.ceil(count / EVALUATION_BATCH)
        for _, stored in self._spans(torch.arange(filled).clamp(max=count - 1), EVALUATION_BATCH):
            inputs = self._converted(stored)
            if size := self.task.augment.resized_crop:
                edge = (inputs.shape[2] - size) // 2
                inputs = inputs[:, :, edge : edge + size, edge : edge + size]
            yield self._laid_out(inputs)

    def _converted(self, stored: Tensor) -> Tensor:
        """Convert stored inputs to what the network takes."""
        if self.form.kind == IMAGES:
            return to_inputs(stored, self.task.pixels, self.form.full_scale)
        return stored.long() if self.form.kind == TOKENS else stored

    def _laid_out(self, inputs: Tensor) -> Tensor:
        """Lay inputs out in memory; only images have channels, which may come last."""
        if self.form.kind == IMAGES:
            return inputs.contiguous(memory_format=self.memory_format)
        return inputs.contiguous()

    def _spans(self, examples: Tensor, size: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the examples and the stored inputs of each span, on the device, from span number `first` on.

        The examples are copied to the device once, because every copy from ordinary memory waits for the device. For
        XLA, each span is copied on its own: the place of a slice would be part of the graph.
        """
        if self.device.type == "xla":
            spans = tuple(span.to(self.device) for span in examples.split(size)[first:])
        else:
            spans = examples.to(self.device).split(size)[first:]
        if isinstance(self.stored, Tensor):
            yield from ((span, self.stored[span]) for span in spans)
        else:
            groups = [span.numpy() for span in examples.split(size)[first:]]
            yield from zip(spans, self.stored.read(groups), strict=True)

    def _augmentation(self, seed: int, epoch: int, count: int) -> Callable[[Tensor, Tensor], Tensor]:
        """Draw the augmentation of one epoch; return a function of images and examples that applies it."""
        shifts, flips = self._draw(seed, epoch, count)
        boxes, size = self._draw_boxes(seed, epoch, count), self.task.augment.resized_crop

        def augmented(inputs: Tensor, examples: Tensor) -> Tensor:
            if boxes is not None and size is not None:
                return resized_crop(inputs, boxes[examples], size)
            if shifts is not None and flips is not None:
                return crop_and_flip(inputs, shifts[examples], flips[examples], self.task.augment.pad)
            return inputs

        return augmented

    def order(self, seeds: Seeds, epoch: int, count: int) -> np.ndarray:
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
