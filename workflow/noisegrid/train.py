"""Train one replicate: settings, seeds and switches in, predictions and weights out. Reads top to bottom.

Writes nothing and knows nothing of Snakemake; `record` puts what comes out of here on disk.
"""

import hashlib
import math
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.nn import functional

from noisegrid import machine, noise
from noisegrid.batches import Batches
from noisegrid.datasets import Dataset
from noisegrid.errors import NoisegridError
from noisegrid.networks import build


class Diverged(Exception):
    """The loss is no longer a number."""


@dataclass(frozen=True)
class Run:
    """All that decides a replicate: run it twice with impl held and get the same bits."""

    settings: dict[str, Any]
    seeds: noise.Seeds
    flags: noise.Flags


@dataclass(frozen=True)
class Weights:
    """A network's state as one vector, so that distances need no framework.

    vector: float32 (values,), parameters before buffers. layout: name, shape, kind (parameter or buffer) and first
    index of each tensor.
    """

    vector: np.ndarray
    layout: list[dict[str, Any]]

    @property
    def parameters(self) -> int:
        """How many leading values are parameters; the rest are buffers."""
        return next((part["start"] for part in self.layout if part["kind"] == "buffer"), len(self.vector))

    @property
    def hash(self) -> str:
        """SHA-256 over every bit of every tensor: equal hashes mean bitwise equal networks."""
        return hashlib.sha256(self.vector.tobytes()).hexdigest()


@dataclass(frozen=True)
class Snapshot:
    """The network at one moment. logits: float32 (test examples, classes)."""

    logits: np.ndarray
    weights: Weights


@dataclass(frozen=True)
class Outcome:
    """What training gives. `half` is the state after half of the epochs, where the paper's artifact took its churn."""

    initial_hash: str
    half: Snapshot
    final: Snapshot
    history: list[dict[str, float]]
    seconds: dict[str, float]


def train(run: Run, data: Dataset, on_epoch: Callable[[int], None] = lambda epoch: None) -> Outcome:
    """Train and evaluate one replicate. Must be the first thing that this process computes (see noise.apply_flags).

    Raises Diverged when an epoch's mean loss is not finite.
    """
    began = time.perf_counter()
    task = run.settings["task"]
    device = torch.device(run.settings["hardware"]["device"])
    memory_format = getattr(torch, run.flags["memory_format"])

    initial = initial_weights(run, data)
    machine.check_device(run.settings["hardware"])
    noise.apply_flags(run.flags)
    network = build_network(task, data)
    load_weights(network, disturbed(initial, run.seeds))
    network = network.to(device=device).to(memory_format=memory_format)  # type: ignore[call-overload]
    noise.seed_global(run.seeds["dropout"])

    options = task, device, memory_format
    training = Batches(data.train_images, data.train_labels, data.full_scale, *options)
    test = Batches(data.test_images, data.test_labels, data.full_scale, *options)
    optimizer = optimizer_of(network, task["optimizer"])
    precision = run.flags["precision"]
    scaler = GradScaler(device.type, enabled=precision == "amp_fp16")  # off: passes everything through

    half, history, trained = None, [], 0.0
    for epoch in range(task["epochs"]):
        started = time.perf_counter()
        rate = set_learning_rate(optimizer, task, epoch)
        loss = train_epoch(network, optimizer, scaler, training, run.seeds, epoch, precision)
        trained += (elapsed := time.perf_counter() - started)
        if not math.isfinite(loss):
            raise Diverged(f"the training loss is {loss} in epoch {epoch}")
        history.append({"epoch": epoch, "learning_rate": rate, "train_loss_nats": loss, "seconds": elapsed})
        if epoch + 1 == max(1, task["epochs"] // 2):
            half = snapshot(network, test, precision)
        on_epoch(epoch)

    assert half is not None
    final = snapshot(network, test, precision)
    seconds = {"training_s": trained, "total_s": time.perf_counter() - began}
    return Outcome(initial.hash, half, final, history, seconds)


def initial_weights(run: Run, data: Dataset) -> Weights:
    """The initial weights, drawn on the CPU under one instruction set, so that they depend on the `init` seed alone.

    Initialisers round differently under other instruction sets, and a process keeps the ones it first computes with:
    hence another process, forked before this one has computed anything.
    """
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_send_initial_weights, args=(run, data, sender))
    process.start()
    sender.close()
    try:
        weights: Weights = receiver.recv()
    except EOFError:
        raise NoisegridError(f"network {run.settings['task']['build']} could not be built, see above") from None
    process.join()
    return weights


def _send_initial_weights(run: Run, data: Dataset, sender: Connection) -> None:
    noise.apply_flags(noise.init_flags())
    noise.seed_global(run.seeds["init"])
    sender.send(weights_of(build_network(run.settings["task"], data)))


def build_network(task: dict[str, Any], data: Dataset) -> nn.Module:
    """The task's network with fresh weights from torch's global generator."""
    _, channels, size, _ = data.train_images.shape
    shape = {"classes": data.classes, "channels": channels, "size": size}
    dropout = {"dropout": task["dropout"]} if task["dropout"] else {}
    return build(task["build"], **shape, **dropout, **task["options"])


def optimizer_of(network: nn.Module, settings: dict[str, Any]) -> torch.optim.Optimizer:
    """Adam or SGD in the fused form: one kernel for all tensors, so that no heuristic chooses another."""
    if settings["name"] == "sgd":
        rate, momentum, decay = (settings[key] for key in ("learning_rate", "momentum", "weight_decay"))
        return torch.optim.SGD(network.parameters(), rate, momentum, weight_decay=decay, fused=True)
    return torch.optim.Adam(
        network.parameters(), lr=settings["learning_rate"], betas=(0.9, 0.999), eps=settings["epsilon"], fused=True
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, task: dict[str, Any], epoch: int) -> float:
    """Piecewise constant: the last factor of the schedule whose epoch has come; before, the steps of a warm-up."""
    warmup = task["optimizer"].get("warmup_epochs", 0)
    factor = next((f for start, f in reversed(task["schedule"]) if epoch >= start), 1.0)
    if epoch < warmup:
        factor = (epoch + 1) / (warmup + 1)
    rate = float(task["optimizer"]["learning_rate"] * factor)
    for group in optimizer.param_groups:
        group["lr"] = rate
    return rate


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Mixed precision where the hardware entry says so; nothing for fp32."""
    dtype = torch.float16 if precision == "amp_fp16" else torch.bfloat16
    return torch.autocast(device.type, dtype, enabled=precision != "fp32")


def loss_of(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Mean loss in nats: cross-entropy of one class per example, binary cross-entropy of many attributes."""
    if labels.ndim == 2:
        return functional.binary_cross_entropy_with_logits(logits, labels)
    return functional.cross_entropy(logits, labels, label_smoothing=smoothing)


def train_epoch(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    scaler: GradScaler,
    batches: Batches,
    seeds: noise.Seeds,
    epoch: int,
    precision: str,
) -> float:
    """One pass over the training images; returns the mean loss (nats). Asks the device for one number only."""
    network.train()
    losses, smoothing = [], batches.task["label_smoothing"]
    for inputs, labels in batches.training(seeds, epoch):
        with autocast(batches.device, precision):
            loss = loss_of(network(inputs), labels, smoothing)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.detach())
    return float(torch.stack(losses).mean())


def snapshot(network: nn.Module, test: Batches, precision: str) -> Snapshot:
    """Logits on the test images, and the weights."""
    network.eval()
    with torch.inference_mode(), autocast(test.device, precision):
        logits = torch.cat([network(inputs) for inputs in test.evaluation()])
    return Snapshot(logits.float().cpu().numpy(), weights_of(network))


def disturbed(weights: Weights, seeds: noise.Seeds) -> Weights:
    """The weights to start from: as drawn, or with one parameter moved by one unit in the last place."""
    if "one_ulp" not in seeds:
        return weights
    count = weights.parameters
    moved = noise.move_one_weight(weights.vector[:count], seeds["one_ulp"])
    return Weights(np.concatenate([moved, weights.vector[count:]]), weights.layout)


def load_weights(network: nn.Module, weights: Weights) -> None:
    """Put a weight vector into a network of the same layout."""
    tensors = dict(network.named_parameters()) | dict(network.named_buffers())
    vector = torch.from_numpy(weights.vector)
    with torch.no_grad():
        for part in weights.layout:
            tensor = tensors[part["name"]]
            tensor.copy_(vector[part["start"] : part["start"] + tensor.numel()].view(tensor.shape))


def weights_of(network: nn.Module) -> Weights:
    """Parameters, then floating-point buffers (batch norm's running mean and variance), as one float32 vector."""
    tensors: list[tuple[str, str, Tensor]] = [
        (name, "parameter", tensor) for name, tensor in network.named_parameters()
    ]
    tensors += [(name, "buffer", tensor) for name, tensor in network.named_buffers() if tensor.is_floating_point()]
    vectors, layout, start = [], [], 0
    for name, kind, tensor in tensors:
        vectors.append(tensor.detach().cpu().to(torch.float32).flatten().numpy())
        layout.append({"name": name, "shape": list(tensor.shape), "kind": kind, "start": start})
        start += tensor.numel()
    return Weights(np.concatenate(vectors), layout)
