"""Input values that are the same on every machine, because no floating-point operation rounds while they are made."""

import numpy as np
import torch
from torch import Tensor

from noisegrid.study.seeds import stream

#: A float32 holds integers of this many bits exactly.
BITS = 23


def values(label: str, *shape: int) -> Tensor:
    """Return float32 values between -1 and 1.

    They are random integers, scaled by a power of two. The integers use all bits of a float32, so that sums and
    products round: with short integers, every order of summation would give the same bits.

    Parameters
    ----------
    label : str
        The name of the random stream.
    *shape : int
        The shape. Values with four axes are images or filters, and are laid out as in training by the caller.
    """
    integers = np.random.default_rng(stream(0, label)).integers(-(2**BITS), 2**BITS, shape)
    return torch.from_numpy(np.asarray(np.ldexp(integers.astype(np.float32), -BITS)))


def whole_numbers(label: str, below: int, *shape: int) -> Tensor:
    """Return int64 values from 0 to `below` - 1, such as the labels of images."""
    return torch.from_numpy(np.random.default_rng(stream(0, label)).integers(0, below, shape))
