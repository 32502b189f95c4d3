"""The training of one replicate, from settings, seeds and switches to predictions and weights.

The function `train` runs the whole training. This module writes no files except checkpoints; `record.write` writes the
results to disk.
"""

import hashlib
import math
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
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
from noisegrid.runtime import gpu_sharing, machine, xla
from noisegrid.study.seeds import Seeds
from noisegrid.study.settings import Hardware, Optimizer, Task
from noisegrid.training import noise
from noisegrid.training.checkpoint import Checkpoints
from noisegrid.training.convolutions import convolutions_of
from noisegrid.training.loader import Batches

#: No checkpoints: an interrupted run starts again from the beginning.
NEVER = Checkpoints()
UNMARKED = nullcontext()


class Diverged(Exception):
    """Raised when the mean training loss of an epoch, or a logit of a test image, is not finite."""


@dataclass(frozen=True)
class Run:
    """The settings, seeds and switches that determine a replicate.

    If `impl` and `autotune` are held, training the same run twice on the same device gives the same bits.

    Attributes
    ----------
    settings : dict
        The settings of the cell: task, hardware and root seed.
    seeds : Seeds
        The seed of each source.
    flags : Flags
        The switches of PyTorch and of the numerical libraries.
    """

    settings: dict[str, Any]
    seeds: Seeds
    flags: noise.Flags

    @cached_property
    def task(self) -> Task:
        """The recipe of the cell's task."""
        return Task.of(self.settings["task"])

    @cached_property
    def hardware(self) -> Hardware:
        """The hardware settings of the cell."""
        return Hardware.of(self.settings["hardware"])


@dataclass(frozen=True)
class Weights:
    """The parameters and buffers of a network as one vector, so that distances can be computed without PyTorch.

    Attributes
    ----------
    vector : float32 (values,)
        Parameters first, then buffers.
    layout : list of dict
        For each tensor: name, shape, kind (parameter or buffer), and the index of its first value in the vector.
    """

    vector: np.ndarray
    layout: Layout

    @property
    def parameters(self) -> int:
        """The number of values in the vector that are parameters. They come first; the other values are buffers."""
        return parameter_count(self.layout, len(self.vector))

    @property
    def hash(self) -> str:
        """The SHA-256 of the vector. Equal hashes mean bitwise equal weights."""
        return hashlib.sha256(self.vector.tobytes()).hexdigest()


@dataclass(frozen=True)
class Snapshot:
    """The outputs and the weights of the network at one point of the training.

    Attributes
    ----------
    logits : float32 (test examples, classes)
        Outputs for the test set.
    weights : Weights
        Parameters and buffers.
    """

    logits: np.ndarray
    weights: Weights


@dataclass(frozen=True)
class Outcome:
    """The result of a training run.

    Attributes
    ----------
    initial_hash : str
        Hash of the initial weights as drawn, before the source `one_ulp`, if it is free, changes one of them.
    midpoint : Snapshot
        The state after half of the epochs, which is the point at which the reference measures churn.
    final : Snapshot
        The state after the last epoch.
    history : list of dict
        For each epoch: its index, learning rate, mean training loss (nats) and duration (seconds).
    seconds : dict
        Durations in seconds: `training_s` of the training alone, and `total_s` of the whole run.
    resumed : int
        How often the run was resumed from a checkpoint. With autotuning, every process searches for kernels again, so
        a resumed run may mix kernels.
    """

    initial_hash: str
    midpoint: Snapshot
    final: Snapshot
    history: list[dict[str, float]]
    seconds: dict[str, float]
    resumed: int


def train(run: Run, data: Dataset, checkpoints: Checkpoints = NEVER) -> Outcome:
    """Train and evaluate one replicate, starting from its checkpoint if there is one.

    Call this before the process computes anything (see noise.apply_flags).

    Raises
    ------
    Diverged
        If the mean loss of an epoch, or a logit of a test image at the midpoint or at the end, is not finite.
    Interrupted
        If the job was asked to stop. If the run has a checkpoint folder, its state is saved first.
    """
    began = time.perf_counter()
    with begun(run, data) as training:
        checkpoints.resume(training, training.state_device)
        while training.epoch < run.task.epochs:
            training.run_epoch(checkpoints)
    assert training.midpoint is not None
    final = training.snapshot()
    seconds = {"training_s": training.seconds, "total_s": time.perf_counter() - began}
    return Outcome(training.initial_hash, training.midpoint, final, training.history, seconds, training.resumed)


@contextmanager
def begun(run: Run, data: Dataset, kind: type["Training"] | None = None) -> Iterator["Training"]:
    """Draw the initial weights, set the switches, and yield the run before its first step.

    Call this before the process computes anything (see noise.apply_flags). `kind` is a subclass of Training.
    """
    initial = initial_weights(run, data)
    machine.check_device(run.hardware.gpu)
    gpu_sharing.limit()
    noise.apply_flags(run.flags)
    machine.keep_freed_memory()
    training = (kind or Training)(run, data, disturbed(initial, run.seeds), device_of(run))
    training.initial_hash = initial.hash
    with convolutions_of(run.flags):
        yield training


class Training:
    """A run in progress, with all the state that is needed to resume it from a checkpoint.

    Attributes
    ----------
    initial_hash : str
        The hash of the initial weights as drawn.
    epoch : int
        Number of finished epochs.
    step : int
        Number of finished batches of the current epoch.
    losses : list of Tensor
        The loss of each finished batch of the current epoch, on the device.
    seconds : float
        Time spent in training so far.
    midpoint : Snapshot or None
        The state after half of the epochs, or None before this point is reached.
    resumed : int
        How often the run was resumed from a checkpoint so far.
    """

    def __init__(self, run: Run, data: Dataset, start: Weights, device: torch.device) -> None:
        self.device, self.task, self.seeds, self.precision = device, run.task, run.seeds, run.flags["precision"]
        memory_format = getattr(torch, run.flags["memory_format"])
        network = build_network(self.task, data)
        load_weights(network, start)
        self.network = network.to(device=device).to(memory_format=memory_format)  # type: ignore[call-overload]
        noise.seed_global(run.seeds["dropout"], device.type)
        options = self.task, device, memory_format
        self.train_batches = Batches(data.train_images, data.train_labels, data.full_scale, *options)
        self.test_batches = Batches(data.test_images, data.test_labels, data.full_scale, *options)
        self.optimizer = optimizer_of(self.network, self.task.optimizer)
        self.scaler = GradScaler(device.type, enabled=self.precision == "amp_fp16")  # does nothing if disabled
        self.initial_hash = start.hash
        self.epoch, self.step, self.losses, self.seconds = 0, 0, list[Tensor](), 0.0
        self.history: list[dict[str, float]] = []
        self.midpoint: Snapshot | None = None
        self.resumed = 0

    def run_epoch(self, checkpoints: Checkpoints) -> None:
        """Train to the end of the current epoch. If half of the epochs are then finished, take the midpoint snapshot.

        The losses stay on the device during the epoch, so that no step waits for a transfer.
        """
        started, before = time.perf_counter(), self.seconds
        rate = set_learning_rate(self.optimizer, self.task, self.epoch)
        self.network.train()
        with closing(self.train_batches.training(self.seeds, self.epoch, self.step)) as batches:
            for inputs, labels in batches:
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
        if self.epoch == max(1, self.task.epochs // 2):
            self.midpoint = self.snapshot()

    def _train_batch(self, inputs: Tensor, labels: Tensor) -> None:
        options = self.precision, self.task.label_smoothing
        self.losses.append(training_step(self.network, self.optimizer, self.scaler, inputs, labels, *options))
        self.step += 1
        if self.device.type == "xla":
            xla.sync()

    def snapshot(self) -> Snapshot:
        """Evaluate the network on the test images and copy its weights.

        Raises
        ------
        Diverged
            If a logit is not finite.
        """
        self.network.eval()
        # XLA cannot run a dense layer in inference mode
        unrecorded = torch.no_grad() if self.device.type == "xla" else torch.inference_mode()
        with unrecorded, autocast(self.device, self.precision):
            logits = torch.cat([self._logits(inputs) for inputs in self.test_batches.evaluation()])
        values = logits[: len(self.test_batches.labels)].float().cpu().numpy()
        if bad := np.count_nonzero(~np.isfinite(values).all(axis=1)):
            raise Diverged(f"the logits of {bad} test images are not finite after {self.epoch} epochs")
        return Snapshot(values, weights_of(self.network))

    def _logits(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.network(inputs)
        if self.device.type == "xla":  # one graph for each batch; otherwise, one for the whole test set
            xla.sync()
        return logits

    @property
    def state_device(self) -> torch.device:
        """The device to which a checkpoint is loaded. A checkpoint of XLA is written and loaded in ordinary memory."""
        return torch.device("cpu") if self.device.type == "xla" else self.device

    def state_dict(self) -> dict[str, Any]:
        """Return the weights, optimiser, scaler, random states and progress of the run as tensors and plain values."""
        midpoint = self.midpoint
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "random": torch.get_rng_state(),
            # only on CUDA: a CPU run must not initialise CUDA, which may be installed but broken
            "random_cuda": torch.cuda.get_rng_state() if self.device.type == "cuda" else None,
            "random_xla": xla.random_state() if self.device.type == "xla" else None,
            "epoch": self.epoch,
            "step": self.step,
            "losses": torch.stack(self.losses) if self.losses else torch.zeros(0),
            "seconds": self.seconds,
            "history": self.history,
            "resumed": self.resumed,
            "midpoint": midpoint
            and [torch.from_numpy(midpoint.logits), torch.from_numpy(midpoint.weights.vector), midpoint.weights.layout],
        }
        return xla.in_memory(state) if self.device.type == "xla" else state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the run from a state that state_dict returned."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["random"].cpu())
        if state["random_cuda"] is not None:
            torch.cuda.set_rng_state(state["random_cuda"].cpu())
        self.epoch, self.step, self.seconds = state["epoch"], state["step"], state["seconds"]
        self.losses, self.history = list(state["losses"].to(self.device).unbind()), state["history"]
        self.resumed = state["resumed"] + 1
        if state["midpoint"]:
            logits, vector, layout = state["midpoint"]
            self.midpoint = Snapshot(logits.cpu().numpy(), Weights(vector.cpu().numpy(), layout))
        if state["random_xla"] is not None:
            xla.sync()  # otherwise, the graph of the first step would also load the state, and could round differently
            xla.seed(state["random_xla"])


def device_of(run: Run) -> torch.device:
    """Return the device of a run. For XLA, start it first, which must not happen before a fork."""
    if run.hardware.is_xla:
        return xla.start(run.hardware.pjrt, run.flags.get("xla", ""), run.flags["threads"])
    return torch.device(run.hardware.device)


def initial_weights(run: Run, data: Dataset) -> Weights:
    """Draw the initial weights on the CPU under a fixed instruction set, so that they depend only on the `init` seed.

    Initialisers round differently under different instruction sets, and a process cannot change its instruction set
    after its first computation. The weights are therefore drawn in a separate process, which is forked before this
    process computes anything.

    Raises
    ------
    NoisegridError
        If the network cannot be built.
    """
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_send_initial_weights, args=(run, data, sender))
    process.start()
    sender.close()
    try:
        weights: Weights = receiver.recv()
    except EOFError:
        raise NoisegridError(f"network {run.task.build} could not be built; see the error above") from None
    process.join()
    return weights


def _send_initial_weights(run: Run, data: Dataset, sender: Connection) -> None:
    noise.apply_flags(noise.init_flags())
    noise.seed_global(run.seeds["init"])
    sender.send(weights_of(build_network(run.task, data)))


def build_network(task: Task, data: Dataset) -> nn.Module:
    """Build the network of a task. The initial weights are drawn from PyTorch's global generator."""
    _, channels, size, _ = data.train_images.shape
    shape = {"classes": data.classes, "channels": channels, "size": size}
    dropout = {"dropout": task.dropout} if task.dropout else {}
    return build(task.build, **shape, **dropout, **task.options)


def optimizer_of(network: nn.Module, settings: Optimizer) -> torch.optim.Optimizer:
    """Return a fused Adam or SGD optimiser. For XLA, which fuses operators itself, PyTorch has none that is fused.

    The implementation is requested explicitly. Otherwise, a heuristic of PyTorch would choose one.
    """
    rate, fused = settings.learning_rate, next(network.parameters()).device.type != "xla"
    if settings.name == "sgd":
        decay = settings.weight_decay
        return torch.optim.SGD(network.parameters(), rate, settings.momentum, weight_decay=decay, fused=fused)
    return torch.optim.Adam(network.parameters(), rate, betas=(0.9, 0.999), eps=settings.epsilon, fused=fused)


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
    """Run one training step: forward, backward, optimiser. Training and the overhead stage share this function.

    Parameters
    ----------
    forward : callable
        The network or its compiled form. It maps inputs to logits.
    optimizer : Optimizer
        The optimiser that updates the weights.
    scaler : GradScaler
        The gradient scaler. It scales the loss for amp_fp16, and is disabled for the other precisions.
    inputs : (batch, channels, size, size)
        The images.
    labels : int64 (batch,) or float32 (batch, attributes)
        The labels.
    precision : {"fp32", "amp_fp16", "amp_bf16"}
        The arithmetic of the forward pass and the loss.
    smoothing : float
        The amount of label smoothing.
    update_range : context manager
        A context manager that is active while the optimiser updates the weights. A profiler uses it to recognise the
        optimiser's kernels.

    Returns
    -------
    Tensor
        The loss in nats, still on the device.
    """
    with autocast(inputs.device, precision):
        loss = loss_of(forward(inputs), labels, smoothing)
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    with update_range:
        scaler.step(optimizer)
        scaler.update()
    return loss.detach()


def set_learning_rate(optimizer: torch.optim.Optimizer, task: Task, epoch: int) -> float:
    """Set and return the learning rate of an epoch.

    The rate rises linearly during the warm-up epochs. After the warm-up, the base rate is multiplied by the factor of
    the last schedule entry whose start epoch has been reached.
    """
    warmup = task.optimizer.warmup_epochs
    factor = next((f for start, f in reversed(task.schedule) if epoch >= start), 1.0)
    if epoch < warmup:
        factor = (epoch + 1) / (warmup + 1)
    rate = float(task.optimizer.learning_rate * factor)
    for group in optimizer.param_groups:
        group["lr"] = rate
    return rate


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the autocast context for a precision. For fp32, the context does nothing."""
    dtype = torch.float16 if precision == "amp_fp16" else torch.bfloat16
    return torch.autocast(device.type, dtype, enabled=precision != "fp32")


def loss_of(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Return the mean loss in nats: cross-entropy for one class per example, binary cross-entropy for attributes."""
    if labels.ndim == 2:
        return functional.binary_cross_entropy_with_logits(logits, labels)
    return functional.cross_entropy(logits, labels, label_smoothing=smoothing)


def disturbed(weights: Weights, seeds: Seeds) -> Weights:
    """Return the weights. If `one_ulp` has a seed, move one of the parameters by one unit in the last place."""
    if "one_ulp" not in seeds:
        return weights
    count = weights.parameters
    moved = noise.move_one_weight(weights.vector[:count], seeds["one_ulp"])
    return Weights(np.concatenate([moved, weights.vector[count:]]), weights.layout)


def load_weights(network: nn.Module, weights: Weights) -> None:
    """Copy a weight vector into a network with the same layout."""
    tensors = dict(network.named_parameters()) | dict(network.named_buffers())
    vector = torch.from_numpy(weights.vector)
    with torch.no_grad():
        for part in weights.layout:
            tensor = tensors[part["name"]]
            tensor.copy_(vector[part["start"] : part["start"] + tensor.numel()].view(tensor.shape))


def weights_of(network: nn.Module) -> Weights:
    """Return the parameters and floating-point buffers (batch norm's running statistics) as one float32 vector."""
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
