"""The probe: each operator is computed on exact inputs in a fresh process, and the bits of its results are hashed.

The process has the switches of a replicate in which `impl` is held. Initialisers are computed in a second process,
under the switches under which initial weights are drawn.
"""

import hashlib
import multiprocessing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection

import torch
from torch import Tensor

from noisegrid.common.errors import NoisegridError
from noisegrid.fingerprint import networks
from noisegrid.fingerprint.inputs import values
from noisegrid.fingerprint.operators import INITIALISERS, OPERATORS, Operator
from noisegrid.study.settings import Hardware
from noisegrid.training import noise
from noisegrid.training.train import autocast

#: How many hexadecimal digits of a SHA-256 are kept.
DIGITS = 16


@dataclass(frozen=True)
class Bits:
    """The hash of one direction of an operator.

    Attributes
    ----------
    operator : str
        The name of the operator.
    direction : {"inputs", "forward", "backward"}
        What was hashed: the inputs, which are exact, the result, or the gradients of all inputs.
    shape : str
        The shapes of the inputs.
    hash : str
        The first digits of the SHA-256 of the bits.
    """

    operator: str
    direction: str
    shape: str
    hash: str


def probe(hardware: Hardware) -> list[Bits]:
    """Return the bits of every operator on this machine. Call this before the process computes anything.

    Raises
    ------
    NoisegridError
        If an operator cannot be computed.
    """
    held = _in_a_process(noise.held_flags(hardware), [*OPERATORS, *networks.training(hardware)], hardware)
    return held + _in_a_process(noise.init_flags(), [*INITIALISERS, *networks.initial_weights()], hardware)


def _in_a_process(flags: noise.Flags, operators: list[Operator], hardware: Hardware) -> list[Bits]:
    """Compute operators in a forked process that has the given switches, because libraries read them only once."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_send, args=(flags, operators, hardware, sender))
    process.start()
    sender.close()
    found: list[Bits] = []
    try:
        while len({(one.operator, one.shape) for one in found}) < len(operators):
            found += receiver.recv()
    except EOFError:
        failed = operators[len({(one.operator, one.shape) for one in found})]
        raise NoisegridError(f"{failed.name} could not be computed; see the error above") from None
    process.join()
    return found


def _send(flags: noise.Flags, operators: list[Operator], hardware: Hardware, sender: Connection) -> None:
    noise.apply_flags(flags)
    for operator in operators:
        sender.send(list(bits(operator, hardware)))


def bits(operator: Operator, hardware: Hardware) -> Iterator[Bits]:
    """Compute an operator in this process, and yield the hash of each direction."""
    label = f"{operator.name} {operator.shape}"
    memory_format = getattr(torch, hardware.memory_format)

    def laid_out(tensor: Tensor) -> Tensor:
        return tensor.contiguous(memory_format=memory_format) if tensor.ndim == 4 else tensor

    inputs = [laid_out(values(f"{label}, input {place}", *shape)) for place, shape in enumerate(operator.shapes)]
    if inputs:
        yield Bits(operator.name, "inputs", operator.shape, _hash(inputs))
    for each in inputs:
        each.requires_grad_(operator.backward)
    with autocast(torch.device("cpu"), hardware.precision):
        result = operator.compute(*inputs)
    yield Bits(operator.name, "forward", operator.shape, _hash([result]))
    if operator.backward:
        upstream = laid_out(values(f"{label}, gradient", *result.shape)).to(result.dtype)
        yield Bits(operator.name, "backward", operator.shape, _hash(torch.autograd.grad(result, inputs, upstream)))


def _hash(tensors: Iterable[Tensor]) -> str:
    """Return a short hash of the bits of tensors."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.detach().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()[:DIGITS]
