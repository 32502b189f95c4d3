"""Build the network of a run, and draw its initial weights."""

import multiprocessing
from multiprocessing.connection import Connection

from torch import nn

from noisegrid.common.errors import NoisegridError
from noisegrid.data.prepared import Dataset
from noisegrid.networks.build import build
from noisegrid.study.settings import Task
from noisegrid.training import noise
from noisegrid.training.run import Run
from noisegrid.training.weights import Weights, weights_of


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
    shape = data.form.arguments(task.context)
    dropout = {"dropout": task.dropout} if task.dropout else {}
    return build(task.build, **shape, **dropout, **task.options)
