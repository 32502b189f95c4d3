"""Where each tensor of a network lies in its weight vector: parameters first, then buffers. Needs no torch."""

from typing import Any

#: name, shape, kind (parameter or buffer) and first index of each tensor.
Layout = list[dict[str, Any]]


def parameter_count(layout: Layout, values: int) -> int:
    """How many leading values of a vector of so many values are parameters; the rest are buffers."""
    return next((int(tensor["start"]) for tensor in layout if tensor["kind"] == "buffer"), values)
