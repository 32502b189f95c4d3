"""What a task needs: device memory at least, and floating-point operations per epoch.

Counted on torch's meta device, where nothing is computed and nothing is allocated. A real run needs more memory
(workspaces of the kernels, fragments), so a task that does not fit by this count fits nowhere.
Command: python -m noisegrid.needs (one line per task: what tasks.yaml has as memory_gb and tflop_per_epoch)
"""

from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from noisegrid.common.schemas import catalog
from noisegrid.networks import build
from noisegrid.study.recipes import resolve_tasks

#: Copies of the parameters beside the parameters: gradients, and what the optimiser keeps.
COPIES = {"adam": 3, "sgd": 2}


def training_bytes(task: dict[str, Any], shape: tuple[int, int, int]) -> int:
    """Bytes that one fp32 training step holds at its fullest; `shape` is classes, channels, size (pixels)."""
    network, inputs = _on_meta(task, shape)
    weights = sum(parameter.nbytes for parameter in network.parameters())
    return weights * (1 + COPIES[task["optimizer"]["name"]]) + _kept_for_backward(network, inputs)


def training_flop(task: dict[str, Any], shape: tuple[int, int, int], examples: int) -> float:
    """Floating-point operations of one epoch: those of the forward pass, counted, times three for the backward pass."""
    network, inputs = _on_meta(task, shape)
    with FlopCounterMode(display=False) as counter:
        network(inputs)
    return 3.0 * counter.get_total_flops() * examples / task["batch_size"]


def _on_meta(task: dict[str, Any], shape: tuple[int, int, int]) -> tuple[torch.nn.Module, Tensor]:
    """The task's network and one batch, without memory."""
    classes, channels, size = shape
    size = task["augment"].get("resized_crop", size)
    entry = catalog("networks")[task["network"]]
    options = entry["options"] | task.get("network_options", {})
    with torch.device("meta"):
        network = build(entry["build"], classes=classes, channels=channels, size=size, **options)
        return network, torch.empty(task["batch_size"], channels, size, size)


def _kept_for_backward(network: torch.nn.Module, inputs: Tensor) -> int:
    """Bytes of the distinct tensors that autograd keeps, parameters left out."""
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage()._cdata] = tensor  # held, so that no storage is counted under a reused address
        return tensor

    own = {parameter.untyped_storage()._cdata for parameter in network.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = network(inputs).sum()
    del output
    return sum(tensor.untyped_storage().nbytes() for key, tensor in kept.items() if key not in own)


def print_all() -> None:
    """Print the requirements of every task of the catalog, for workflow/catalog/tasks.yaml."""
    for name, task in resolve_tasks({}, "the catalog").items():
        dataset = catalog("datasets")[task["dataset"]]
        shape = dataset["classes"], dataset["channels"], dataset["size"]
        flop = training_flop(task, shape, dataset["examples"])
        print(f"{name:28s} {training_bytes(task, shape) / 1e9:8.3f} GB {flop / 1e12:12.3g} TFLOP per epoch")
