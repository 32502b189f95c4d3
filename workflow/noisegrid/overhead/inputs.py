"""What a timed network gets: the arguments of its builder, and a fixed batch of inputs and labels.

The key `inputs` of a network's entry in the catalog says which kind of inputs it takes.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from noisegrid.common.errors import NoisegridError, first_line
from noisegrid.common.references import imported
from noisegrid.networks.build import build
from noisegrid.study import arms
from noisegrid.study.study import TimedNetwork

#: The classes, or the different tokens, of a timed network, unless another number is asked for.
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
        A function that takes a number of examples, the size and the number of classes. It returns inputs and int64
        labels.
    """

    shape: Callable[[int], dict[str, Any]]
    batch: Callable[..., Batch]

    def arguments(self, size: int, options: dict[str, Any], classes: int = CLASSES) -> dict[str, Any]:
        """Return all arguments of the builder of a network with these options."""
        return {"classes": classes, **self.shape(size), **options}


def images(count: int, size: int, classes: int = CLASSES) -> Batch:
    """Draw a fixed batch of random images with the statistics of standardised photographs (mean 0, variance 1).

    Parameters
    ----------
    count : int
        Number of images.
    size : int
        Height and width in pixels.
    classes : int
        Number of classes.

    Returns
    -------
    images : float32 (count, CHANNELS, size, size)
    labels : int64 (count,)
    """
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(count, CHANNELS, size, size, generator=generator)
    return inputs, torch.randint(classes, (count,), generator=generator)


def tokens(count: int, context: int, classes: int = CLASSES) -> Batch:
    """Draw a fixed batch of random sequences of tokens, of which there are `classes`. The label is the next token.

    Returns
    -------
    tokens : int64 (count, context)
    labels : int64 (count, context)
    """
    drawn = torch.randint(classes, (count, context + 1), generator=torch.Generator().manual_seed(0))
    return drawn[:, :-1].contiguous(), drawn[:, 1:].contiguous()


def table(count: int, columns: int, classes: int = CLASSES) -> Batch:
    """Draw a fixed batch of random rows.

    Returns
    -------
    rows : float32 (count, columns)
    labels : int64 (count,)
    """
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(count, columns, generator=generator)
    rows[:, 1::2] = torch.randint(CATEGORIES, rows[:, 1::2].shape, generator=generator).float()
    return rows, torch.randint(classes, (count,), generator=generator)


#: Every kind of inputs, by the name that the catalog gives it.
INPUTS = {
    "images": Inputs(lambda size: {"channels": CHANNELS, "size": size}, images),
    "tokens": Inputs(lambda size: {"context": size}, tokens),
    "table": Inputs(lambda size: {"columns": [CATEGORIES * (n % 2) for n in range(size)]}, table),
}


def built(timing: TimedNetwork) -> nn.Module:
    """Build a timed network.

    Raises
    ------
    NoisegridError
        If a user's function has the arguments of another kind of inputs. The message names the kind.
    """
    kind = arms.inputs_timed(timing)
    try:
        return build(timing.build, **INPUTS[kind].arguments(timing.size, timing.options, timing.classes))
    except TypeError as error:
        fitting = _kind_of(timing.build)
        if not timing.source or fitting in ("", kind):
            raise
        raise NoisegridError(
            f"network {timing.build}: {first_line(error)}; its arguments are those for {fitting}, so time it with "
            f"--inputs {fitting}, outside of a study"
        ) from error


def _kind_of(reference: str) -> str:
    """Return the kind of inputs whose arguments a user's function has, or an empty string if no kind fits."""
    try:
        taken = inspect.signature(imported("network", reference)).parameters
    except ValueError:  # functions that are written in C
        return ""
    return next((kind for kind, inputs in INPUTS.items() if inputs.shape(1).keys() <= taken.keys()), "")


def batch(timing: TimedNetwork, count: int) -> Batch:
    """Draw a fixed batch of a number of examples for a timed network."""
    return INPUTS[arms.inputs_timed(timing)].batch(count, timing.size, timing.classes)
