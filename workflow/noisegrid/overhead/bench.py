"""A network and its training step under any arm. The overhead stage times, profiles and verifies this step."""

import hashlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.autograd.profiler import record_function

from noisegrid.overhead.kernels import OPTIMIZER, RANGE
from noisegrid.runtime import machine
from noisegrid.study.arms import Arm
from noisegrid.study.settings import Optimizer
from noisegrid.training import noise
from noisegrid.training.bits import tensor_hash
from noisegrid.training.optimizers import optimizer_of
from noisegrid.training.step import training_step

#: The optimiser of the paper's overhead runs (from overhead_test.py in the reference).
ADAM = Optimizer("adam", learning_rate=1e-4, epsilon=1e-7)


class AveragePoolByProducts(nn.Module):
    """A replacement for nn.AdaptiveAvgPool2d whose forward and backward passes are deterministic on CUDA.

    Each output is the mean over a window. Pooling is therefore linear along each axis, and is computed here as one
    matrix product per axis. The backward pass of a matrix product is deterministic on CUDA.

    Parameters
    ----------
    pool : nn.AdaptiveAvgPool2d
        The layer to replace.
    """

    def __init__(self, pool: nn.AdaptiveAvgPool2d) -> None:
        super().__init__()
        size: Any = pool.output_size
        self.size = (size, size) if isinstance(size, int) else size
        self.means: dict[tuple[Any, ...], Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        """Pool a batch of shape (N, C, H, W) to a batch of shape (N, C, *output_size)."""
        rows, columns = (self._means(n, wanted, x) for n, wanted in zip(x.shape[2:], self.size, strict=True))
        return rows @ x @ columns.T

    def _means(self, length: int, windows: int | None, x: Tensor) -> Tensor:
        """Return the averaging matrix of one axis. If `windows` is None, the axis keeps its length.

        The matrix is cached, because making it and copying it to the device in every step would inflate the measured
        time.
        """
        key = length, windows, x.dtype, x.device
        if key not in self.means:
            self.means[key] = window_means(length, windows if windows is not None else length).to(x)
        return self.means[key]


def window_means(length: int, windows: int) -> Tensor:
    """Return a matrix of shape (windows, length) that averages over each window of adaptive pooling along one axis."""
    matrix = torch.zeros(windows, length)
    for index in range(windows):
        start, stop = index * length // windows, -(-(index + 1) * length // windows)
        matrix[index, start:stop] = 1 / (stop - start)
    return matrix


#: Replacements for layers whose backward pass has no deterministic kernel. Each type of layer is mapped to its
#: replacement, and to the words by which notes refer to this replacement.
REMEDIES: dict[type[nn.Module], tuple[Callable[..., nn.Module], str]] = {
    nn.AdaptiveAvgPool2d: (AveragePoolByProducts, "adaptive average pooling as two matrix products"),
}


class Rig:
    """A network, and the batch on which every arm trains it from the same weights and random state.

    Parameters
    ----------
    network : nn.Module
        The network with its initial weights.
    batch : Tensor (batch, ...)
        The inputs of every step; see overhead/inputs.py.
    labels : int64 (batch,) or (batch, context)
        The class of each example, or of each token.
    device : torch.device
        The device that the network runs on.
    """

    def __init__(self, network: nn.Module, batch: Tensor, labels: Tensor, device: torch.device) -> None:
        self.device, self.network = device, network.to(device).train()
        self.batch, self.labels = batch.to(device), labels.to(device)
        self.start = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
        self.compiled: Any = None
        self.forward: Any = self.network
        self.swapped: list[tuple[nn.Module, str, nn.Module]] = []

    def prepare(self, arm: Arm, remedy: bool = False) -> None:
        """Set the switches of an arm, and reset the network.

        The weights, the optimiser and the random state are reset, so that all arms start from the same state.

        Parameters
        ----------
        arm : Arm
            The arm to run next.
        remedy : bool
            Whether to replace the layers that have no deterministic backward kernel.
        """
        switches = arm.switches
        noise.set_switches(switches)
        noise.seed_global(0)
        self._swap(remedy)
        layout = getattr(torch, switches.get("memory_format", "contiguous_format"))
        self.network.to(memory_format=layout)  # type: ignore[call-overload]
        self.network.load_state_dict(self.start, strict=False)
        # only images have a memory format
        self.inputs = self.batch.to(memory_format=layout) if self.batch.ndim == 4 else self.batch
        self.precision = switches.get("precision", "fp32")
        self.optimizer = optimizer_of(self.network, ADAM)
        self.scaler = GradScaler(self.device.type, enabled=self.precision == "amp_fp16")
        self.forward = self._compiled() if switches.get("compile") else self.network

    def step(self) -> Tensor:
        """Run one training step (forward, backward, optimiser) and return the loss, which stays on the device."""
        parts = self.forward, self.optimizer, self.scaler, self.inputs, self.labels
        return training_step(*parts, self.precision, update_range=record_function(RANGE + OPTIMIZER))

    def remedies(self) -> list[str]:
        """Return the names of those replacements in REMEDIES whose layers occur in this network."""
        return [name for kind, (_, name) in REMEDIES.items() if any(type(m) is kind for m in self.network.modules())]

    def synchronize(self) -> None:
        """Wait until the device has finished all work."""
        machine.synchronize(self.device.type)

    def fingerprint(self, loss: Tensor) -> str:
        """Return a hash of the bits of the loss and of all weights."""
        state = hashlib.sha256(loss.cpu().numpy().tobytes())
        for tensor in self.network.state_dict().values():
            state.update(tensor_hash(tensor).cpu().numpy().tobytes())
        return state.hexdigest()

    def _compiled(self) -> Any:
        if self.compiled is None:
            self.compiled = torch.compile(self.network)
        return self.compiled

    def _swap(self, remedy: bool) -> None:
        """Replace the layers that have no deterministic backward kernel, or restore the original layers."""
        for parent, name, layer in self.swapped:
            setattr(parent, name, layer)
        self.swapped = []
        if not remedy:
            return
        for parent in list(self.network.modules()):
            for name, child in list(parent.named_children()):
                if type(child) in REMEDIES:
                    setattr(parent, name, REMEDIES[type(child)][0](child))
                    self.swapped.append((parent, name, child))
