"""Free cuDNN alone: deterministic algorithms are off while a convolution runs, and on for every other operator.

ATen asks cuDNN for deterministic kernels if `torch.are_deterministic_algorithms_enabled()` or
`torch.backends.cudnn.deterministic` is true. It reads both when a convolution runs, forward or backward. So the source
`cudnn_deterministic` needs the first of them off, but only around convolutions.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import Node
from torch.overrides import TorchFunctionMode

#: The functions that run a convolution. The layers of torch.nn call them, too.
CONVOLUTIONS = frozenset(
    {
        *(torch.conv1d, torch.conv2d, torch.conv3d, torch.convolution),
        *(torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d),
    }
)


class FreeConvolutions(TorchFunctionMode):
    """A context in which convolutions run without deterministic algorithms, forward and backward.

    All other operators keep deterministic algorithms. Convolutions are recognised by the function of torch that is
    called, whether a layer or the user's own code calls it. A convolution that is called as `torch.ops.aten` keeps
    deterministic algorithms.
    """

    def __torch_function__(
        self, function: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        """Call a function of torch, with deterministic algorithms switched off if it is a convolution."""
        if function not in CONVOLUTIONS or not torch.are_deterministic_algorithms_enabled():
            return function(*args, **kwargs or {})
        torch.use_deterministic_algorithms(False)
        try:
            output: Tensor = function(*args, **kwargs or {})
        finally:
            torch.use_deterministic_algorithms(True)
        if node := _convolution_before(output.grad_fn):
            node.register_prehook(_switch_off)
            node.register_hook(_switch_on)
        return output


def _convolution_before(node: Node | None) -> Node | None:
    """Return the node of the convolution itself. The last node can be a view, as for an image without a batch."""
    while node is not None and "ConvolutionBackward" not in node.name():
        node = node.next_functions[0][0] if node.next_functions else None
    return node


def _switch_off(gradients: Any) -> None:
    torch.use_deterministic_algorithms(False)


def _switch_on(gradients: Any, outputs: Any) -> None:
    torch.use_deterministic_algorithms(True)


def convolutions_of(flags: Mapping[str, Any]) -> AbstractContextManager[Any]:
    """Return the context in which a run with these switches trains: FreeConvolutions if cuDNN alone is free."""
    is_free = flags.get("deterministic") and flags.get("cudnn_deterministic") is False
    return FreeConvolutions() if is_free else nullcontext()
