"""The training of one replicate, from settings, seeds and switches to predictions and weights.

The function `train` runs the whole training. This module writes no files except checkpoints; `record.write` writes the
results to disk.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.amp.grad_scaler import GradScaler

from noisegrid.common.errors import NoisegridError
from noisegrid.data.prepared import Dataset
from noisegrid.records import predictions
from noisegrid.runtime import gpu_sharing, machine, xla
from noisegrid.study.seeds import seed_of_rank
from noisegrid.training import noise, rank_processes
from noisegrid.training.averages import AveragedWeights
from noisegrid.training.checkpoint import Checkpoints
from noisegrid.training.compilation import compiler_of, forward_of
from noisegrid.training.convolutions import convolutions_of
from noisegrid.training.initial import build_network, initial_weights
from noisegrid.training.loader import Batches
from noisegrid.training.losses import loss_of, tensor_of
from noisegrid.training.optimizers import optimizer_of
from noisegrid.training.outcome import Diverged, Outcome, Snapshot
from noisegrid.training.own_trainer import train_with
from noisegrid.training.ranks import ALONE, Ranks
from noisegrid.training.run import Run
from noisegrid.training.schedules import LearningRate
from noisegrid.training.step import autocast, training_step
from noisegrid.training.weights import Weights, disturbed, load_weights, weights_of

#: No checkpoints: an interrupted run starts again from the beginning.
NEVER = Checkpoints()


def train(run: Run, data: Dataset, checkpoints: Checkpoints = NEVER, every_epoch: bool = False) -> Outcome:
    """Train and evaluate one replicate, starting from its checkpoint if there is one.

    If the recipe names a training function of the user, that function trains, without checkpoints. With `every_epoch`,
    the network is also evaluated after each epoch, which changes no weight.

    Call this before the process computes anything (see noise.apply_flags).

    Raises
    ------
    Diverged
        If the mean loss of an epoch, or a logit of a test example at the midpoint or at the end, is not finite.
    Interrupted
        If the job was asked to stop. If the run has a checkpoint folder, its state is saved first.
    """
    if run.task.trainer:
        return train_with(run, data)
    began = time.perf_counter()
    with begun(run, data) as training:
        training.by_epoch = [] if every_epoch else None
        checkpoints.resume(training, training.state_device)
        training.run_all(checkpoints)
    assert training.midpoint is not None
    final = training.snapshot()
    seconds = {"training_s": training.seconds, "total_s": time.perf_counter() - began}
    by_epoch = None if training.by_epoch is None else np.stack(training.by_epoch)
    return Outcome(
        training.initial_hash, training.midpoint, final, training.history, seconds, training.resumed, by_epoch
    )


@contextmanager
def begun(run: Run, data: Dataset, kind: type["Training"] | None = None) -> Iterator["Training"]:
    """Draw the initial weights, start the other ranks if there are any, and yield the run before its first step.

    Call this before the process computes anything (see noise.apply_flags). `kind` is a subclass of Training.

    Raises
    ------
    NoisegridError
        If a function of the user trains, or if the network cannot be built.
    """
    if run.task.trainer:
        raise NoisegridError(
            f"task {run.task.trainer} trains with a function of its own, whose steps cannot be followed; name a task "
            "that noisegrid's own loop trains"
        )
    initial = initial_weights(run, data)
    with (
        rank_processes.together(run.flags, partial(_follow, run, data, initial)) as ranks,
        _set_up(run, data, initial, ranks, kind or Training) as training,
    ):
        yield training


@contextmanager
def _set_up(run: Run, data: Dataset, initial: Weights, ranks: Ranks, kind: type["Training"]) -> Iterator["Training"]:
    """Set the switches of this process, and yield the run before its first step."""
    machine.check_device(run.hardware.gpu)
    gpu_sharing.limit()
    noise.apply_flags(run.flags)
    machine.keep_freed_memory()
    ranks.meet()
    training = kind(run, data, disturbed(initial, run.seeds), device_of(run), ranks)
    training.initial_hash = initial.hash
    with convolutions_of(run.flags), compiler_of(run.flags):
        yield training


def _follow(run: Run, data: Dataset, initial: Weights, ranks: Ranks) -> None:
    """Be a rank other than 0 to the end of the run. Rank 0 says what diverged."""
    with _set_up(run, data, initial, ranks, Training) as training, suppress(Diverged):
        training.run_all(NEVER)


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
    rate : float
        The learning rate of the first step of the current epoch.
    losses : list of Tensor
        The loss of each finished batch of the current epoch, on the device.
    seconds : float
        Time spent in training so far.
    midpoint : Snapshot or None
        The state after half of the epochs, or None before this point is reached.
    by_epoch : list of array, or None
        The predictions after each finished epoch, if they are wanted.
    resumed : int
        How often the run was resumed from a checkpoint so far.
    """

    def __init__(self, run: Run, data: Dataset, start: Weights, device: torch.device, ranks: Ranks = ALONE) -> None:
        self.ranks, self.device, self.task, self.seeds = ranks, device, run.task, run.seeds
        self.precision = run.flags["precision"]
        memory_format = getattr(torch, run.flags["memory_format"])
        network = build_network(self.task, data)
        load_weights(network, start)
        self.network = network.to(device=device).to(memory_format=memory_format)  # type: ignore[call-overload]
        self.forward = forward_of(self.network, run.flags)
        noise.seed_global(seed_of_rank(run.seeds["dropout"], ranks.rank), device.type)
        self.train_batches, self.test_batches = (
            Batches(*data.part(name, self.task.context), data.form, self.task, device, memory_format)
            for name in ("train", "test")
        )
        self.optimizer = optimizer_of(self.network, self.task.optimizer)
        steps = math.ceil(len(self.train_batches.labels) / self.task.batch_size)
        self.learning_rate = LearningRate(self.optimizer, self.task, steps)
        self.rate = self.task.optimizer.learning_rate
        self.loss = loss_of(self.task, data.form.labels, device)
        self.averaged = AveragedWeights(self.network, self.task)
        average = self.averaged.model
        self.averaged_forward = self.forward if average is None else forward_of(average.module, run.flags)
        wrapped = ranks.wrapped(self.network)
        self.trained = self.forward if wrapped is self.network else forward_of(wrapped, run.flags)
        self.scaler = GradScaler(device.type, enabled=self.precision == "amp_fp16")  # does nothing if disabled
        self.initial_hash = start.hash
        self.epoch, self.step, self.losses, self.seconds = 0, 0, list[Tensor](), 0.0
        self.history: list[dict[str, float]] = []
        self.midpoint: Snapshot | None = None
        self.by_epoch: list[np.ndarray] | None = None
        self.labels = data.form.labels
        self.resumed = 0

    def run_all(self, checkpoints: Checkpoints) -> None:
        """Train from here to the end of the last epoch, and check that all ranks have the same weights."""
        self.ranks.go_on(self)
        while self.epoch < self.task.epochs:
            self.run_epoch(checkpoints)
        self.ranks.check_equal(self.network)

    def run_epoch(self, checkpoints: Checkpoints) -> None:
        """Train to the end of the current epoch. If half of the epochs are then finished, take the midpoint snapshot.

        The losses stay on the device during the epoch, so that no step waits for a transfer.
        """
        started, before = time.perf_counter(), self.seconds
        rate = self.learning_rate.begin_epoch(self.epoch)
        if self.step == 0:
            self.rate = rate
        self.network.train()
        with closing(self.train_batches.training(self.seeds, self.epoch, self.step)) as batches:
            for inputs, labels in batches:
                self._train_batch(inputs, labels)
                self.seconds = before + time.perf_counter() - started
                checkpoints.visit(self)
                self.ranks.go_on(self)
        loss = float(self.ranks.mean(torch.stack(self.losses).mean()))
        self.learning_rate.after_epoch(loss)
        self.averaged.after_epoch(self.epoch)
        self.seconds = before + time.perf_counter() - started
        if not math.isfinite(loss):
            raise Diverged(f"the training loss is {loss} in epoch {self.epoch}")
        elapsed = self.seconds - sum(row["seconds"] for row in self.history)
        self.history.append({"epoch": self.epoch, "learning_rate": self.rate, "train_loss": loss, "seconds": elapsed})
        self.epoch, self.step, self.losses = self.epoch + 1, 0, []
        midway = self.epoch == max(1, self.task.epochs // 2) and self.ranks.leads
        if midway or self.by_epoch is not None:
            snapshot = self.snapshot()
            self.midpoint = snapshot if midway else self.midpoint
            if self.by_epoch is not None:
                self.by_epoch.append(predictions.of_kind(snapshot.logits, self.labels))

    def _train_batch(self, inputs: Tensor, labels: Tensor) -> None:
        inputs, labels, loss = self.ranks.part(inputs, labels, self.loss)
        batch, task = (inputs, labels, self.precision, loss), self.task
        update = partial(training_step, self.trained, self.optimizer, self.scaler)
        self.losses.append(update(*batch, parts=task.accumulate, clip_norm=task.clip_norm))
        self.learning_rate.after_step()
        self.averaged.after_step()
        self.step += 1
        if self.device.type == "xla":
            xla.sync()

    def _warm_up(self) -> None:
        """Compute the gradients of the first batch and forget them, if there are several ranks.

        DistributedDataParallel arranges its buckets anew after its first step, and sums depend on the arrangement. A
        resumed run must therefore have had a first step, too. What else this changes is restored afterwards.
        """
        if self.ranks.world > 1:
            self.network.train()
            with closing(self.train_batches.training(self.seeds, 0)) as batches:
                inputs, labels, loss = self.ranks.part(*next(batches), self.loss)
            loss(tensor_of(self.trained(inputs)), labels).backward()
            self.optimizer.zero_grad()

    def snapshot(self) -> Snapshot:
        """Evaluate the network on the test examples and copy its weights.

        Raises
        ------
        Diverged
            If a logit is not finite.
        """
        network = self.averaged.evaluated.eval()
        forward = self.forward if network is self.network else self.averaged_forward
        # XLA cannot run a dense layer in inference mode
        unrecorded = torch.no_grad() if self.device.type == "xla" else torch.inference_mode()
        with unrecorded, autocast(self.device, self.precision):
            logits = torch.cat([self._logits(forward, inputs) for inputs in self.test_batches.evaluation()])
        values = logits[: len(self.test_batches.labels)].float().cpu().flatten(0, -2).numpy()
        if bad := np.count_nonzero(~np.isfinite(values).all(axis=1)):
            raise Diverged(f"the outputs for {bad} test examples are not finite after {self.epoch} epochs")
        return Snapshot(values, weights_of(network))

    def _logits(self, forward: Callable[[Tensor], Any], inputs: Tensor) -> Tensor:
        logits = tensor_of(forward(inputs))
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
            "learning_rate": self.learning_rate.state_dict(),
            "rate": self.rate,
            "average": self.averaged.state_dict(),
            **self.own_state(),
            "ranks": self.ranks.states_of_others(),
            # only on CUDA: a CPU run must not initialise CUDA, which may be installed but broken
            "random_cuda": torch.cuda.get_rng_state() if self.device.type == "cuda" else None,
            "random_xla": xla.random_state() if self.device.type == "xla" else None,
            "epoch": self.epoch,
            "step": self.step,
            "seconds": self.seconds,
            "history": self.history,
            "resumed": self.resumed,
            "by_epoch": None if self.by_epoch is None else [torch.from_numpy(one) for one in self.by_epoch],
            "midpoint": midpoint
            and [torch.from_numpy(midpoint.logits), torch.from_numpy(midpoint.weights.vector), midpoint.weights.layout],
        }
        return xla.in_memory(state) if self.device.type == "xla" else state

    def own_state(self) -> dict[str, Any]:
        """Return the random state and the losses, which differ from rank to rank."""
        losses = torch.stack(self.losses) if self.losses else torch.zeros(0)
        return {"random": torch.get_rng_state(), "losses": losses}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the run, on all ranks, from a state that state_dict returned."""
        self.ranks.share_state(state | {"midpoint": None})
        self._warm_up()
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.learning_rate.load_state_dict(state["learning_rate"])
        self.rate = state["rate"]
        self.averaged.load_state_dict(state["average"])
        own = [state, *state["ranks"]][self.ranks.rank]
        torch.set_rng_state(own["random"].cpu())
        if state["random_cuda"] is not None:
            torch.cuda.set_rng_state(state["random_cuda"].cpu())
        self.epoch, self.step, self.seconds = state["epoch"], state["step"], state["seconds"]
        self.losses, self.history = list(own["losses"].to(self.device).unbind()), state["history"]
        self.resumed = state["resumed"] + 1
        if self.by_epoch is not None and state["by_epoch"] is not None:
            self.by_epoch = [one.cpu().numpy() for one in state["by_epoch"]]
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
