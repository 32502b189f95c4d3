"""A network on a device, and its training step under any arm: what the overhead stage times, profiles and verifies."""

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
from noisegrid.training import noise
from noisegrid.training.train import optimizer_of, training_step

#: The optimiser of the paper's timing runs (reference artifact, overhead_test.py).
ADAM = {"name": "adam", "learning_rate": 1e-4, "epsilon": 1e-7}
CLASSES = 1000


class AveragePoolByProducts(nn.Module):
    """nn.AdaptiveAvgPool2d as two matrix products, whose backward pass is deterministic on CUDA.

    (N, C, H, W) to (N, C, *output_size). An output is the mean over its window, so pooling is linear along each axis.
    """

    def __init__(self, pool: nn.AdaptiveAvgPool2d) -> None:
        super().__init__()
        size: Any = pool.output_size
        self.size = (size, size) if isinstance(size, int) else size
        self.means: dict[tuple[Any, ...], Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = (self._means(n, wanted, x) for n, wanted in zip(x.shape[2:], self.size, strict=True))
        return rows @ x @ columns.T

    def _means(self, length: int, windows: int | None, x: Tensor) -> Tensor:
        """Made once: a copy to the device in every step would make the remedy look dearer than it is."""
        key = length, windows, x.dtype, x.device
        if key not in self.means:
            self.means[key] = window_means(length, windows if windows is not None else length).to(x)
        return self.means[key]


def window_means(length: int, windows: int) -> Tensor:
    """The matrix (windows, length) that averages over adaptive pooling's windows."""
    matrix = torch.zeros(windows, length)
    for index in range(windows):
        start, stop = index * length // windows, -(-(index + 1) * length // windows)
        matrix[index, start:stop] = 1 / (stop - start)
    return matrix


#: What stands in for a layer whose backward pass has no deterministic kernel, and how it is called.
REMEDIES: dict[type[nn.Module], tuple[Callable[..., nn.Module], str]] = {
    nn.AdaptiveAvgPool2d: (AveragePoolByProducts, "adaptive average pooling as two matrix products"),
}


class Rig:
    """One network with one batch. Every arm starts from the same weights and the same random state.

    images: float32 (batch, channels, size, size). labels: int64 (batch,).
    """

    def __init__(self, network: nn.Module, images: Tensor, labels: Tensor, device: torch.device) -> None:
        self.device, self.network = device, network.to(device).train()
        self.images, self.labels = images.to(device), labels.to(device)
        self.start = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
        self.compiled: Any = None
        self.forward: Any = self.network
        self.swapped: list[tuple[nn.Module, str, nn.Module]] = []

    def prepare(self, arm: Arm, remedy: bool = False) -> None:
        """Set the arm's switches, and put weights, optimiser and random state back to where all arms start."""
        switches = arm.switches
        noise.set_switches(switches)
        noise.seed_global(0)
        self._swap(remedy)
        layout = getattr(torch, switches.get("memory_format", "contiguous_format"))
        self.network.to(memory_format=layout)  # type: ignore[call-overload]
        self.network.load_state_dict(self.start, strict=False)
        self.inputs = self.images.to(memory_format=layout)
        self.precision = switches.get("precision", "fp32")
        self.optimizer = optimizer_of(self.network, ADAM)
        self.scaler = GradScaler(self.device.type, enabled=self.precision == "amp_fp16")
        self.forward = self._compiled() if switches.get("compile") else self.network

    def step(self) -> Tensor:
        """One training step: forward, backward, optimiser; returns the loss, still on the device."""
        parts = self.forward, self.optimizer, self.scaler, self.inputs, self.labels
        return training_step(*parts, self.precision, update_range=record_function(RANGE + OPTIMIZER))

    def remedies(self) -> list[str]:
        """Names of the remedies that this network has a use for."""
        return [name for kind, (_, name) in REMEDIES.items() if any(type(m) is kind for m in self.network.modules())]

    def synchronize(self) -> None:
        machine.synchronize(self.device.type)

    def fingerprint(self, loss: Tensor) -> str:
        """Hash of the loss and of every weight, bit by bit."""
        state = hashlib.sha256(loss.cpu().numpy().tobytes())
        for tensor in self.network.state_dict().values():
            state.update(_fold(tensor).cpu().numpy().tobytes())
        return state.hexdigest()

    def _compiled(self) -> Any:
        if self.compiled is None:
            self.compiled = torch.compile(self.network)
        return self.compiled

    def _swap(self, remedy: bool) -> None:
        """Put remedies in place of the layers that need one, or the layers back."""
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


def _fold(tensor: Tensor) -> Tensor:
    """A 64-bit sum per 4 Mi values over the bits, each weighted by its place; whole numbers, so exact in any order.

    Folded where the tensor is, so that comparing two runs of a large network costs no transfer.
    """
    values = tensor.detach().flatten()
    integers = {2: torch.int16, 4: torch.int32, 8: torch.int64}
    bits = values.view(integers[values.element_size()]) if values.is_floating_point() else values
    sums = []
    for chunk in bits.split(1 << 22):
        place = torch.arange(1, 2 * len(chunk), 2, device=chunk.device)
        sums.append((chunk.to(torch.int64) * place).sum())
    return torch.stack(sums) if sums else torch.zeros(1, dtype=torch.int64)


def make_batch(batch_size: int, size: int, channels: int = 3) -> tuple[Tensor, Tensor]:
    """Images of the statistics that standardised photographs have (mean 0, variance 1), and labels."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(batch_size, channels, size, size, generator=generator)
    return images, torch.randint(CLASSES, (batch_size,), generator=generator)
