"""Whole networks of the catalog as operators: their initial weights, and their weights after a few training steps."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler

from noisegrid.fingerprint.inputs import values, whole_numbers
from noisegrid.fingerprint.operators import Operator
from noisegrid.networks.build import build
from noisegrid.study.recipes import resolve_datasets, resolve_tasks, task_settings
from noisegrid.study.settings import Hardware, Task
from noisegrid.training.noise import seed_global
from noisegrid.training.optimizers import optimizer_of
from noisegrid.training.step import training_step
from noisegrid.training.weights import Weights, load_weights, weights_of

#: The tasks whose networks are trained, for STEPS steps. They take milliseconds.
TRAINED = ("smallcnn-digits", "smallcnn_bn-digits", "pyramid-digits", "resnet18-digits")
STEPS = 3
#: The tasks whose initial weights are drawn.
DRAWN = ("smallcnn-digits", "pyramid-digits", "resnet18-digits", "resnet50-imagenet")


def training(hardware: Hardware) -> tuple[Operator, ...]:
    """Return, for each task of TRAINED, some training steps on the given hardware as an operator."""
    return tuple(
        Operator(f"{STEPS} steps of {name}", (), partial(_trained_weights, name, hardware), backward=False)
        for name in TRAINED
    )


def initial_weights() -> tuple[Operator, ...]:
    """Return, for each task of DRAWN, the draw of initial weights as an operator."""
    return tuple(
        Operator(f"initial weights of {name}", (), partial(_initial_weights, name), backward=False) for name in DRAWN
    )


def _recipe(name: str) -> tuple[Task, dict[str, int]]:
    """Return the recipe of a task of the catalog, and its classes, channels and size."""
    datasets = resolve_datasets({}, "")
    task = Task.of(task_settings(resolve_tasks({}, "", only=name), datasets, name, ""))
    return task, {key: datasets[task.dataset][key] for key in ("classes", "channels", "size")}


def _network(task: Task, shape: dict[str, int]) -> nn.Module:
    return build(task.build, **shape, **task.options)


def _initial_weights(name: str) -> Tensor:
    seed_global(1)
    return torch.from_numpy(weights_of(_network(*_recipe(name))).vector)


def _trained_weights(name: str, hardware: Hardware) -> Tensor:
    """Return the weights of a network after some steps, from weights and images that are exact values."""
    task, shape = _recipe(name)
    memory_format = getattr(torch, hardware.memory_format)
    network = _network(task, shape)
    start = weights_of(network)
    load_weights(network, Weights(values(f"weights of {name}", len(start.vector)).numpy() / 8, start.layout))
    network = network.to(memory_format=memory_format).train()  # type: ignore[call-overload]
    optimizer, scaler = optimizer_of(network, task.optimizer), GradScaler("cpu", enabled=False)
    for step in range(STEPS):
        inputs = values(f"images {step}", task.batch_size, shape["channels"], shape["size"], shape["size"])
        labels = whole_numbers(f"labels {step}", shape["classes"], task.batch_size)
        inputs = inputs.contiguous(memory_format=memory_format)
        training_step(network, optimizer, scaler, inputs, labels, hardware.precision)
    return torch.from_numpy(weights_of(network).vector)
