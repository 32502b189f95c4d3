"""Layouts of weight vectors. A layout states where each tensor of a network is in the network's weight vector.

The weight vector contains the values of all parameters, followed by the values of all buffers.

This module does not import torch.
"""

from typing import Any

#: Name, shape, kind (parameter or buffer) and first index of each tensor.
Layout = list[dict[str, Any]]


def parameter_count(layout: Layout, values: int) -> int:
    """Return how many values of a weight vector are parameters.

    Parameters
    ----------
    layout : Layout
        The layout of the vector.
    values : int
        The length of the vector.
    """
    return next((int(tensor["start"]) for tensor in layout if tensor["kind"] == "buffer"), values)
