"""How much device memory a task needs at least: weights, gradients, optimiser state and what the backward pass keeps.

Counted on torch's meta device, where nothing is computed and nothing is allocated. A real run needs more (workspaces of
the kernels, fragments), so a task that does not fit by this count fits nowhere.
Command: python -m noisegrid.memory (one line per task of the catalog, GB; what tasks.yaml has as memory_gb)
"""

import argparse
from typing import Any

import torch
from torch import Tensor

from noisegrid.documents import catalog
from noisegrid.errors import exit_on_error
from noisegrid.networks import build
from noisegrid.study import resolve_tasks

#: Copies of the parameters beside the parameters: gradients, and what the optimiser keeps.
COPIES = {"adam": 3, "sgd": 2}


def training_bytes(task: dict[str, Any], shape: tuple[int, int, int]) -> int:
    """Bytes that one fp32 training step holds at its fullest; `shape` is classes, channels, size (pixels)."""
    classes, channels, size = shape
    size = task["augment"].get("resized_crop", size)
    entry = catalog("networks")[task["network"]]
    options = entry["options"] | task.get("network_options", {})
    with torch.device("meta"):
        network = build(entry["build"], classes=classes, channels=channels, size=size, **options)
        inputs = torch.empty(task["batch_size"], channels, size, size)
    weights = sum(parameter.nbytes for parameter in network.parameters())
    return weights * (1 + COPIES[task["optimizer"]["name"]]) + _kept_for_backward(network, inputs)


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


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m noisegrid.memory", description=__doc__)
    parser.parse_args()
    for name, task in resolve_tasks({}, "the catalog").items():
        dataset = catalog("datasets")[task["dataset"]]
        need = training_bytes(task, (dataset["classes"], dataset["channels"], dataset["size"]))
        print(f"{name:28s} {need / 1e9:8.3f} GB")


if __name__ == "__main__":
    exit_on_error(main)
