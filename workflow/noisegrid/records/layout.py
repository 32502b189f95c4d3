"""The positions of a network's tensors in the weight vector: parameters first, then buffers. Does not import torch."""

from typing import Any

#: Name, shape, kind (parameter or buffer) and first index of each tensor.
Layout = list[dict[str, Any]]


def parameter_count(layout: Layout, values: int) -> int:
    """Return the number of parameters in a weight vector, where all parameters come before all buffers.

    Parameters
    ----------
    layout : Layout
        The layout of the vector.
    values : int
        The length of the vector.
    """
    return next((int(tensor["start"]) for tensor in layout if tensor["kind"] == "buffer"), values)
