"""Train one replicate: settings, seeds and switches in, predictions and weights out. Reads top to bottom.

Writes nothing and knows nothing of Snakemake; `record` puts what comes out of here on disk.
"""

import hashlib
import math
import multiprocessing
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler
from torch.nn import functional

from noisegrid.common.errors import NoisegridError
from noisegrid.data.prepared import Dataset
from noisegrid.networks import build
from noisegrid.records.layout import Layout, parameter_count
from noisegrid.runtime import machine
from noisegrid.study.seeds import Seeds
from noisegrid.training import noise
from noisegrid.training.checkpoint import Checkpoints
from noisegrid.training.loader import Batches

#: No checkpoints: short runs start again instead.
NEVER = Checkpoints()
UNMARKED = nullcontext()


class Diverged(Exception):
    """The loss is no longer a number."""


@dataclass(frozen=True)
class Run:
    """All that decides a replicate: run it twice with impl held and get the same bits."""

    settings: dict[str, Any]
    seeds: Seeds
    flags: noise.Flags


@dataclass(frozen=True)
class Weights:
    """A network's state as one vector, so that distances need no framework.

    vector: float32 (values,), parameters before buffers. layout: name, shape, kind (parameter or buffer) and first
    index of each tensor.
    """

    vector: np.ndarray
    layout: Layout

    @property
    def parameters(self) -> int:
        """How many leading values are parameters; the rest are buffers."""
        return parameter_count(self.layout, len(self.vector))

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
    midpoint: Snapshot
    final: Snapshot
    history: list[dict[str, float]]
    seconds: dict[str, float]


def train(run: Run, data: Dataset, checkpoints: Checkpoints = NEVER) -> Outcome:
    """Train and evaluate one replicate. Must be the first thing that this process computes (see noise.apply_flags).

    Goes on from a checkpoint where there is one. Raises Diverged when an epoch's mean loss is not finite, and
    Interrupted when the job was asked to stop.
    """
    began = time.perf_counter()
    device = torch.device(run.settings["hardware"]["device"])
    initial = initial_weights(run, data)
    machine.check_device(run.settings["hardware"])
    noise.apply_flags(run.flags)
    training = Training(run, data, disturbed(initial, run.seeds), device)
    checkpoints.resume(training, device)
    while training.epoch < run.settings["task"]["epochs"]:
        training.run_epoch(checkpoints)
    assert training.midpoint is not None
    final = training.snapshot()
    seconds = {"training_s": training.seconds, "total_s": time.perf_counter() - began}
    return Outcome(initial.hash, training.midpoint, final, training.history, seconds)


class Training:
    """A run under way: all that decides what comes next, so that it can be put away and taken up again.

    epoch, step: how many epochs, and how many batches of the epoch under way, are done. losses: of those batches.
    """

    def __init__(self, run: Run, data: Dataset, start: Weights, device: torch.device) -> None:
        self.task, self.seeds, self.precision = run.settings["task"], run.seeds, run.flags["precision"]
        memory_format = getattr(torch, run.flags["memory_format"])
        network = build_network(self.task, data)
        load_weights(network, start)
        self.network = network.to(device=device).to(memory_format=memory_format)  # type: ignore[call-overload]
        noise.seed_global(run.seeds["dropout"])
        options = self.task, device, memory_format
        self.train_batches = Batches(data.train_images, data.train_labels, data.full_scale, *options)
        self.test_batches = Batches(data.test_images, data.test_labels, data.full_scale, *options)
        self.optimizer = optimizer_of(self.network, self.task["optimizer"])
        self.scaler = GradScaler(device.type, enabled=self.precision == "amp_fp16")  # off: passes everything through
        self.epoch, self.step, self.losses, self.seconds = 0, 0, list[Tensor](), 0.0
        self.history: list[dict[str, float]] = []
        self.midpoint: Snapshot | None = None

    def run_epoch(self, checkpoints: Checkpoints) -> None:
        """Train to the end of the epoch under way. Asks the device for one number only."""
        started, before = time.perf_counter(), self.seconds
        rate = set_learning_rate(self.optimizer, self.task, self.epoch)
        self.network.train()
        for inputs, labels in self.train_batches.training(self.seeds, self.epoch, self.step):
            self._train_batch(inputs, labels)
            self.seconds = before + time.perf_counter() - started
            checkpoints.visit(self)
        loss = float(torch.stack(self.losses).mean())
        self.seconds = before + time.perf_counter() - started
        if not math.isfinite(loss):
            raise Diverged(f"the training loss is {loss} in epoch {self.epoch}")
        elapsed = self.seconds - sum(row["seconds"] for row in self.history)
        self.history.append({"epoch": self.epoch, "learning_rate": rate, "train_loss_nats": loss, "seconds": elapsed})
        self.epoch, self.step, self.losses = self.epoch + 1, 0, []
        if self.epoch == max(1, self.task["epochs"] // 2):
            self.midpoint = self.snapshot()

    def _train_batch(self, inputs: Tensor, labels: Tensor) -> None:
        options = self.precision, self.task["label_smoothing"]
        self.losses.append(training_step(self.network, self.optimizer, self.scaler, inputs, labels, *options))
        self.step += 1

    def snapshot(self) -> Snapshot:
        """Logits on the test images, and the weights."""
        self.network.eval()
        with torch.inference_mode(), autocast(self.test_batches.device, self.precision):
            logits = torch.cat([self.network(inputs) for inputs in self.test_batches.evaluation()])
        return Snapshot(logits.float().cpu().numpy(), weights_of(self.network))

    def state_dict(self) -> dict[str, Any]:
        """Weights, optimiser, scaler, random states, and how far it is; tensors and plain values only."""
        midpoint = self.midpoint
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "random": torch.get_rng_state(),
            # of this run's device: a CPU run must not wake CUDA, which may be there and not work
            "random_cuda": torch.cuda.get_rng_state() if self.train_batches.device.type == "cuda" else None,
            "epoch": self.epoch,
            "step": self.step,
            "losses": torch.stack(self.losses) if self.losses else torch.zeros(0),
            "seconds": self.seconds,
            "history": self.history,
            "midpoint": midpoint
            and [torch.from_numpy(midpoint.logits), torch.from_numpy(midpoint.weights.vector), midpoint.weights.layout],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what state_dict gave."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["random"].cpu())
        if state["random_cuda"] is not None:
            torch.cuda.set_rng_state(state["random_cuda"].cpu())
        self.epoch, self.step, self.seconds = state["epoch"], state["step"], state["seconds"]
        self.losses, self.history = list(state["losses"].unbind()), state["history"]
        if state["midpoint"]:
            logits, vector, layout = state["midpoint"]
            self.midpoint = Snapshot(logits.cpu().numpy(), Weights(vector.cpu().numpy(), layout))


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


def training_step(
    forward: Callable[[Tensor], Tensor],
    optimizer: torch.optim.Optimizer,
    scaler: GradScaler,
    inputs: Tensor,
    labels: Tensor,
    precision: str,
    smoothing: float = 0.0,
    update_range: AbstractContextManager[Any] = UNMARKED,
) -> Tensor:
    """One step, what is trained and what is timed: forward, backward, optimiser.

    Gives the loss, still on the device. update_range: in which the optimiser works, for a profiler.
    """
    with autocast(inputs.device, precision):
        loss = loss_of(forward(inputs), labels, smoothing)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    with update_range:
        scaler.step(optimizer)
        scaler.update()
    return loss.detach()


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


def disturbed(weights: Weights, seeds: Seeds) -> Weights:
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
