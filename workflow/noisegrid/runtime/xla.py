"""PyTorch/XLA: how a process starts it, its random generator, and what a record says about it.

Operators are not computed when they are called. They are collected, and `sync` compiles them as one graph and runs it.
Nothing imports torch_xla before `start`: XLA starts threads, which a fork would not survive, and other devices do not
need it.

On a CPU, two things decide how XLA's kernels add up: the widest instruction set and the size of the thread pool. Each
is read once, when XLA starts.
"""

import importlib.util
import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from noisegrid.common.errors import NoisegridError
from noisegrid.runtime.environment import packages

if TYPE_CHECKING:
    import torch

#: Variables that change what XLA computes, past the switches that a record contains. These are the variables that the
#: libraries of torch_xla 2.9.0 name, without those for caches, logs and the exchange between machines.
REFUSED = re.compile(
    "XLA_FLAGS|LIBTPU_INIT_ARGS|XLA_USE_.*|XLA_DOWNCAST_.*|XLA_AUTO_.*|XLA_DENSE_.*_FACTOR|XLA_RESIZE_SPLIT_FACTOR|"
    "XLA_MAX_PADDING_FACTOR|XLA_LAYOUTS|XLA_RNG_BIT_GENERATOR|XLA_NO_SPECIAL_SCALARS|XLA_STABLEHLO_COMPILE|"
    "XLA_DISABLE_FUNCTIONALIZATION|XLA_EXPERIMENTAL"
)
#: The PCI vendor (Google) and the devices that are TPU chips; torch_xla looks for the same numbers.
GOOGLE = "0x1ae0"
TPUS = {"0x0027", "0x005e", "0x0062", "0x0063", "0x006f", "0x0076"}
PCI = Path("/sys/bus/pci/devices")
#: With what this process has started XLA: kind of device, instruction set, threads. Empty before `start`.
_started: list[tuple[str, str, int]] = []


def has_tpu(pci: Path = PCI) -> bool:
    """Return whether a TPU is attached to this machine, as Linux lists it; XLA is not asked, so it does not start."""
    for place in pci.glob("*"):
        try:
            vendor, chip = ((place / name).read_text().strip() for name in ("vendor", "device"))
        except OSError:
            continue
        if vendor == GOOGLE and chip in TPUS:
            return True
    return False


def check_installed() -> None:
    """Raise NoisegridError if this environment lacks PyTorch/XLA."""
    if importlib.util.find_spec("torch_xla") is None:
        raise NoisegridError(
            "this hardware needs PyTorch/XLA, but this environment has no torch_xla; make an environment of its stack: "
            "make STACK=torch2.9-xla VENV=.venv-xla"
        )


def check() -> None:
    """Raise NoisegridError if torch_xla is missing, or if a variable would change what XLA computes."""
    check_installed()
    if found := sorted(name for name in os.environ if REFUSED.fullmatch(name)):
        raise NoisegridError(
            f"the environment sets {', '.join(found)}, which changes what XLA computes, past the hardware entry; "
            f"unset it: unset {' '.join(found)}"
        )


def start(pjrt: str, instruction_set: str, threads: int) -> "torch.device":
    """Start XLA in this process, and return its device. Call this after the last fork.

    Parameters
    ----------
    pjrt : str
        The kind of device: CPU or TPU.
    instruction_set : str
        The widest instruction set of the CPU's kernels, such as AVX2; empty for the processor's own.
    threads : int
        The size of the CPU's thread pool.

    Raises
    ------
    NoisegridError
        If torch_xla is missing, if a variable would change what XLA computes, if there is no such device, or if this
        process has started XLA otherwise.
    """
    asked = pjrt, instruction_set, threads
    if not _started:
        check()
        os.environ["PJRT_DEVICE"] = pjrt
        if pjrt == "CPU":
            os.environ["NPROC"] = str(threads)
        if instruction_set:
            os.environ["XLA_FLAGS"] = f"--xla_cpu_max_isa={instruction_set}"
        _started.append(asked)
    elif _started != [asked]:
        raise NoisegridError(f"this process has started XLA with {_started[0]}, and cannot start it with {asked}")
    import torch_xla

    try:
        device: torch.device = torch_xla.device()
    except RuntimeError as error:
        raise NoisegridError(f"XLA found no {pjrt} on this machine: {str(error).splitlines()[0]}") from error
    return device


def seed(value: int) -> None:
    """Seed XLA's random generator, from which dropout draws. torch.manual_seed does not reach it."""
    import torch_xla

    torch_xla.manual_seed(value)


def random_state() -> int:
    """Return the state of XLA's random generator. The state is known only between two graphs, after `sync`."""
    import torch_xla.core.xla_model as model

    return int(model.get_rng_state())


def sync() -> None:
    """Compile what was collected as one graph, unless an equal graph was compiled before, and start to run it."""
    import torch_xla

    torch_xla.sync()


def in_memory(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state of a run, which may be nested, with its tensors in ordinary memory."""
    import torch
    from torch.utils import _pytree as nested

    copied: dict[str, Any] = nested.tree_map_only(torch.Tensor, lambda tensor: tensor.cpu(), state)
    return copied


def wait() -> None:
    """Wait until the device has finished its work."""
    import torch_xla.core.xla_model as model

    model.wait_device_ops()


def compilations() -> int:
    """Return how many graphs this process has compiled."""
    from torch_xla.debug import metrics

    found = metrics.metric_data("CompileTime")
    return int(found[0]) if found else 0


@cache
def described() -> dict[str, Any]:
    """Return the kind of this process's device and the versions of XLA, for a record. XLA must have been started."""
    from torch_xla import runtime, version

    kind = str(runtime.device_type())
    about = {"pjrt": kind, "torch_xla": version.__version__, "xla_revision": version.__xla_gitrev__}
    return about | ({"libtpu": packages().get("libtpu", "")} if kind == "TPU" else {})


def device_kind() -> str:
    """Return the name that PJRT gives the device: `cpu`, or that of a TPU. XLA must have been started."""
    import torch_xla.core.xla_model as model

    return str(model.xla_device_kind())
