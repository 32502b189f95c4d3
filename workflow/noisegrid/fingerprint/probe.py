"""The probe: each operator is computed on exact inputs in a fresh process, and the bits of its results are hashed.

The process has the switches of a replicate in which `impl` is held. Initialisers are computed in a second process,
under the switches under which initial weights are drawn.
"""

import hashlib
import multiprocessing
import platform
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing.connection import Connection

import torch
from torch import Tensor

from noisegrid import __version__
from noisegrid.common.errors import NoisegridError
from noisegrid.fingerprint import libraries, networks
from noisegrid.fingerprint.inputs import values
from noisegrid.fingerprint.operators import INITIALISERS, OPERATORS, Operator
from noisegrid.fingerprint.table import Bits, Conditions, Fingerprint
from noisegrid.runtime import processor
from noisegrid.runtime.devices import processor_features
from noisegrid.study.settings import Hardware
from noisegrid.training import noise
from noisegrid.training.step import autocast

#: How many hexadecimal digits of a SHA-256 are kept.
DIGITS = 16
#: The features of a processor that decide which instruction sets the switches can ask for.
FEATURES = frozenset[str]().union(*noise.CPU_REQUIREMENTS.values())


def conditions(hardware: Hardware) -> Conditions:
    """Return the versions and switches under which this machine computes."""
    held, initial = noise.held_flags(hardware), noise.init_flags()
    switches = {name: str(value) for name, value in held.items()}
    switches |= {f"initial {name}": str(initial[name]) for name in noise.CPU_VARIABLES}
    return Conditions(libraries.versions(), switches)


def probe(hardware: Hardware) -> Fingerprint:
    """Return the bits of every operator on this machine. This process itself computes nothing.

    Raises
    ------
    NoisegridError
        If an operator cannot be computed.
    """
    branch, bits = _in_a_process(noise.held_flags(hardware), [*OPERATORS, *networks.training(hardware)], hardware)
    _, drawn = _in_a_process(noise.init_flags(), [*INITIALISERS, *networks.initial_weights()], hardware)
    return Fingerprint(_machine(branch), conditions(hardware), (*bits, *drawn))


def _machine(mkl_branch: str) -> dict[str, str]:
    """Return what may differ between two machines that are compared."""
    return {
        "processor": processor.name(),
        "model": processor.identity(),
        **{f"cache {level}": size for level, size in processor.caches().items()},
        "features": " ".join(sorted(FEATURES & processor_features())),
        "MKL's branch": mkl_branch,
        "C library": " ".join(platform.libc_ver()),
        "system": platform.platform(),
        "noisegrid": __version__,
    }


def _in_a_process(flags: noise.Flags, operators: Sequence[Operator], hardware: Hardware) -> tuple[str, list[Bits]]:
    """Compute operators in a forked process that has the given switches, because libraries read them only once.

    Returns
    -------
    branch : str
        The branch of MKL's kernels.
    bits : list of Bits
        The hashes, in the order of the operators.
    """
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_send, args=(flags, operators, hardware, sender))
    process.start()
    sender.close()
    bits: list[Bits] = []
    for operator in operators:
        try:
            bits += receiver.recv()
        except EOFError:
            process.join()
            raise NoisegridError(f"{operator.name} could not be computed; see the error above") from None
    branch: str = receiver.recv()
    process.join()
    return branch, bits


def _send(flags: noise.Flags, operators: Sequence[Operator], hardware: Hardware, sender: Connection) -> None:
    noise.apply_flags(flags)
    for operator in operators:
        sender.send(list(bits_of(operator, hardware)))
    sender.send(libraries.mkl_branch())


def bits_of(operator: Operator, hardware: Hardware) -> Iterator[Bits]:
    """Compute an operator in this process, and yield the hash of each direction."""
    label = f"{operator.name} {operator.shape}"
    memory_format = getattr(torch, hardware.memory_format)

    def drawn(stream: str, shape: Sequence[int]) -> Tensor:
        tensor = values(f"{label}, {stream}", *shape)
        return tensor.contiguous(memory_format=memory_format) if tensor.ndim == 4 else tensor

    def bits(direction: str, tensors: Iterable[Tensor]) -> Bits:
        return Bits(operator.name, direction, operator.shape, _hash(tensors))

    inputs = [drawn(f"input {place}", shape) for place, shape in enumerate(operator.shapes)]
    if inputs:
        yield bits("inputs", inputs)
    for each in inputs:
        each.requires_grad_(operator.backward)
    with autocast(torch.device("cpu"), hardware.precision):
        result = operator.compute(*inputs)
    yield bits("forward", [result])
    if operator.backward:
        upstream = drawn("gradient", result.shape).to(result.dtype)
        yield bits("backward", torch.autograd.grad(result, inputs, upstream))


def _hash(tensors: Iterable[Tensor]) -> str:
    """Return a short hash of the bits of tensors."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:DIGITS]
