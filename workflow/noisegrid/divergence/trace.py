"""A trace: the state before every step of a run, and every operation of one step, as hashes of bits.

A trace file is compressed JSON with a version and a checksum, so two machines can compare runs without a shared disk.
This module imports no PyTorch.
"""

import gzip
import hashlib
import json
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import write_atomically
from noisegrid.common.schemas import check
from noisegrid.common.versions import TRACE, check_version

#: What an example begins with that is identified by its index.
INDEX = "#"
#: The size in bytes, uncompressed, above which a trace file is not read.
MOST_BYTES = 512 * 1024**2


@dataclass(frozen=True)
class Value:
    """A tensor that an operation read or wrote.

    Attributes
    ----------
    shape : tuple of int
        The shape.
    dtype : str
        The dtype, such as `float32`.
    hash : str
        The hash of its bits (see training.bits), in hexadecimal digits.
    sample : tuple of int
        For an output, the bits of some of its values at fixed places, from which differences are estimated.
    """

    shape: tuple[int, ...]
    dtype: str
    hash: str
    sample: tuple[int, ...] = ()


@dataclass(frozen=True)
class Operation:
    """One operation of the traced step.

    Attributes
    ----------
    name : str
        The name in ATen with its overload, such as `convolution_backward.default`.
    module : str
        The path of the layer; empty for the network itself, the optimiser, and what runs in no layer.
    part : str
        `forward`, `backward` or `optimiser`.
    arguments : str
        The arguments that are no tensors.
    inputs, outputs : tuple of Value
        What it read, and what it returned or changed in place.
    random : bool
        Whether it draws from a random generator.
    """

    name: str
    module: str
    part: str
    arguments: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    random: bool = False


@dataclass(frozen=True)
class State:
    """What a step starts from.

    Attributes
    ----------
    parts : dict
        For each part (weights, buffers, optimiser, settings, batch, random), the hash of each of its members by name.
    samples : dict
        For each weight, some of its values at fixed places.
    examples : tuple of str
        For each example of the batch, INDEX and its index in the dataset or, if that is not known, the hash of its
        inputs. So another order does not look like other examples.
    """

    parts: dict[str, dict[str, str]]
    samples: dict[str, list[float]] = field(default_factory=dict)
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trace:
    """A trace of one run.

    Attributes
    ----------
    about : dict
        What was run, and where: the subject, its switches, the device and the software.
    states : tuple of State
        The state before each step, and after the last one.
    step : int
        The step whose operations are listed.
    operations : tuple of Operation
        The operations, in the order in which they ran.
    left_out : int
        How many operations at the end of the step are not listed, because there were too many.
    """

    about: dict[str, Any]
    states: tuple[State, ...]
    step: int
    operations: tuple[Operation, ...]
    left_out: int = 0


def write(path: Path, trace: Trace) -> None:
    """Write a trace file. The same trace gives the same bytes."""
    content = json.dumps(asdict(trace), separators=(",", ":"))
    document = {"format": TRACE, "sha256": hashlib.sha256(content.encode()).hexdigest()}
    text = f"{json.dumps(document)}\n{content}\n"
    write_atomically(path, lambda place: place.write_bytes(gzip.compress(text.encode(), mtime=0)))


def read(path: Path) -> Trace:
    """Read a trace file.

    Raises
    ------
    NoisegridError
        If the file cannot be read, is damaged, or has another version of the format.
    """
    try:
        with gzip.open(path) as file:
            text = file.read(MOST_BYTES + 1)
    except OSError as error:
        why = error.strerror or "it is no trace file"
        raise NoisegridError(f"cannot read {path}: {why}; name a file that `noisegrid diverge --dump` wrote") from error
    except (EOFError, zlib.error) as error:
        raise NoisegridError(f"{path} is cut off or damaged; copy it again, or trace the run again") from error
    if len(text) > MOST_BYTES:
        raise NoisegridError(
            f"{path} is larger than {MOST_BYTES // 1024**2} MiB, more than any trace; trace fewer steps"
        )
    try:
        head, content = text.rstrip(b"\n").split(b"\n", 1)
        document, found = json.loads(head), json.loads(content)
        check_version(document["format"], TRACE, f"{path}, a trace")
        intact = document["sha256"] == hashlib.sha256(content).hexdigest()
    except (ValueError, KeyError, TypeError) as error:
        raise NoisegridError(f"{path} is no trace file; name a file that `noisegrid diverge --dump` wrote") from error
    if not intact:
        raise NoisegridError(f"{path} does not have its checksum, so it was changed; copy it again")
    check(found, "trace", str(path))
    return Trace(
        found["about"],
        tuple(State(one["parts"], one["samples"], tuple(one["examples"])) for one in found["states"]),
        found["step"],
        tuple(_operation(one) for one in found["operations"]),
        found["left_out"],
    )


def _operation(found: dict[str, Any]) -> Operation:
    values = {name: tuple(_value(one) for one in found[name]) for name in ("inputs", "outputs")}
    return Operation(**found | values)


def _value(found: dict[str, Any]) -> Value:
    return Value(tuple(found["shape"]), found["dtype"], found["hash"], tuple(found["sample"]))
