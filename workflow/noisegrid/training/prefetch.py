"""Read the images of a memory-mapped dataset ahead, while the device computes.

A thread gathers the images of the next group into one of two host buffers and starts their copy to the device. On CUDA,
the buffers are pinned, and the copy runs on a stream of its own, so that neither the training thread nor the device
waits for a copy, unless reading is slower than training.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass
class _Buffer:
    """A host buffer, and the CUDA event that is complete once the last copy out of the buffer has finished."""

    images: Tensor
    copied: Any = None


class Prefetch:
    """The images of a dataset that stays memory-mapped.

    The two buffers are allocated by the first call of `read`, and grow if a group is larger than they are. Only one
    iterator of `read` may be active at a time.

    Parameters
    ----------
    images : uint8 (examples, channels, size, size)
        The stored images.
    device : torch.device
        The device to put the images on.
    """

    def __init__(self, images: np.ndarray, device: torch.device) -> None:
        self.images, self.device = images, device
        self.cuda = device.type == "cuda"
        self.stream = torch.cuda.Stream(device) if self.cuda else None
        self.buffers: list[_Buffer] = []

    def read(self, groups: Sequence[np.ndarray]) -> Iterator[Tensor]:
        """Yield the images of each group of examples.

        On a CPU, the caller must have used the images of a group when it asks for the next ones, because their buffer
        is then filled again. On CUDA and XLA, the images are a copy.

        Parameters
        ----------
        groups : sequence of int64 (examples,)
            The indices of the examples of each group.

        Yields
        ------
        (examples, ...), of the type of the images
            The images on the device. On CUDA, the current stream waits for their copy, and the host does not.

        Raises
        ------
        Exception
            What reading the images raised in the thread.
        """
        self._allocate(max(map(len, groups), default=0))
        with ThreadPoolExecutor(1, "prefetch") as thread:
            submitted = (thread.submit(self._load, group, number) for number, group in enumerate(groups))
            loading = next(submitted, None)
            while loading is not None:
                images, copied = loading.result()
                loading = next(submitted, None)  # the other buffer is filled while the caller works
                if copied is not None:
                    current = torch.cuda.current_stream(self.device)
                    current.wait_event(copied)
                    images.record_stream(current)
                if self.device.type == "xla":  # which copies later, when the buffer may be filled again
                    images = images.clone().to(self.device)
                yield images

    def _allocate(self, examples: int) -> None:
        if self.buffers and len(self.buffers[0].images) >= examples:
            return
        shape = examples, *self.images.shape[1:]
        kind = torch.from_numpy(np.empty(0, self.images.dtype)).dtype
        self.buffers = [_Buffer(torch.empty(shape, dtype=kind, pin_memory=self.cuda)) for _ in range(2)]

    def _load(self, group: np.ndarray, number: int) -> tuple[Tensor, Any]:
        """Read one group into a buffer, and start its copy to the device. Return the images and the copy's event."""
        buffer = self.buffers[number % 2]
        if buffer.copied is not None:
            buffer.copied.synchronize()  # this thread waits, not the training thread
        images = buffer.images[: len(group)]
        if group.max() >= len(self.images):
            raise IndexError(f"example {group.max()} does not exist: the dataset has {len(self.images)} images")
        # mode="clip" is safe after this check; otherwise, NumPy would first write into a buffer of its own
        np.take(self.images, group, axis=0, out=images.numpy(), mode="clip")
        if not self.cuda:
            return images, None
        with torch.cuda.stream(self.stream):
            on_device = images.to(self.device, non_blocking=True)
            buffer.copied = torch.cuda.Event(blocking=True)  # its waiter sleeps, and leaves the core to training
            buffer.copied.record()
        return on_device, buffer.copied
