"""What a timed network gets: the arguments of its builder, and a fixed batch of inputs and labels.

The key `inputs` of a network's entry in the catalog says which kind of inputs it takes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from noisegrid.study import arms

#: The classes, or the different tokens, of a timed network.
CLASSES = 1000
#: The channels of a timed image.
CHANNELS = 3
#: The categories of every second column of a timed table. The other columns hold numbers.
CATEGORIES = 10

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Inputs:
    """A kind of inputs.

    Attributes
    ----------
    shape : callable
        A function that takes the size. It returns the arguments of the builder besides `classes`.
    batch : callable
        A function that takes a number of examples and the size. It returns inputs and int64 labels.
    """

    shape: Callable[[int], dict[str, Any]]
    batch: Callable[[int, int], Batch]

    def arguments(self, size: int, options: dict[str, Any]) -> dict[str, Any]:
        """Return all arguments of the builder of a network with these options."""
        return {"classes": CLASSES, **self.shape(size), **options}


def images(count: int, size: int) -> Batch:
    """Draw a fixed batch of random images with the statistics of standardised photographs (mean 0, variance 1).

    Parameters
    ----------
    count : int
        Number of images.
    size : int
        Height and width in pixels.

    Returns
    -------
    images : float32 (count, CHANNELS, size, size)
    labels : int64 (count,)
    """
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(count, CHANNELS, size, size, generator=generator)
    return inputs, torch.randint(CLASSES, (count,), generator=generator)


def tokens(count: int, context: int) -> Batch:
    """Draw a fixed batch of random sequences of tokens. The label of a token is the token that follows it.

    Returns
    -------
    tokens : int64 (count, context)
    labels : int64 (count, context)
    """
    drawn = torch.randint(CLASSES, (count, context + 1), generator=torch.Generator().manual_seed(0))
    return drawn[:, :-1].contiguous(), drawn[:, 1:].contiguous()


def table(count: int, columns: int) -> Batch:
    """Draw a fixed batch of random rows.

    Returns
    -------
    rows : float32 (count, columns)
    labels : int64 (count,)
    """
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(count, columns, generator=generator)
    rows[:, 1::2] = torch.randint(CATEGORIES, rows[:, 1::2].shape, generator=generator).float()
    return rows, torch.randint(CLASSES, (count,), generator=generator)


#: Every kind of inputs, by the name that the catalog gives it.
INPUTS = {
    "images": Inputs(lambda size: {"channels": CHANNELS, "size": size}, images),
    "tokens": Inputs(lambda size: {"context": size}, tokens),
    "table": Inputs(lambda size: {"columns": [CATEGORIES * (n % 2) for n in range(size)]}, table),
}


def inputs_of(network: str) -> Inputs:
    """Return what a network takes, given its name in the catalog."""
    return INPUTS[arms.inputs_of(network)]
