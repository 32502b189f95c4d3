"""The entries of the hardware catalog. `h100@STACK` is the entry `h100`, but with the stack STACK.

This module reads workflow/catalog/hardware.yaml and stacks.yaml. It does not import torch.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.common.schemas import ROOT, catalog, check
from noisegrid.runtime.device_kind import DeviceKind
from noisegrid.runtime.environment import HERE

DEFINITION = ROOT / "containers" / "image.def"
#: The name of the stack for all commands that need no framework.
ANALYSIS = "analysis"
#: The device memory in GB that a process needs beside what PyTorch allocates: the CUDA context and its kernels. This is
#: an assumption that was never measured on a GPU. As for the memory of the catalog's devices, a GB is 2^30 bytes.
OUTSIDE_ALLOCATOR_GB = 0.75


@dataclass(frozen=True)
class Stack:
    """A pinned set of packages: framework, CUDA and libraries.

    Attributes
    ----------
    name, title : str
        The name in the catalog, and the name that readers see.
    packages : dict
        The version of each main package.
    disk_gb : float
        The disk space in GB that is needed to build the container image.
    cuda : str
        The CUDA version; empty for the stacks without CUDA.
    arch : tuple of str
        The GPU generations, such as `sm_90`, for which the packages contain kernels; empty without CUDA.
    driver : str
        The version of the oldest driver that supports this CUDA version; empty without CUDA.
    """

    name: str
    title: str
    packages: dict[str, str]
    disk_gb: float
    cuda: str = ""
    arch: tuple[str, ...] = ()
    driver: str = ""

    @property
    def pins(self) -> Path:
        """The path of the pin file, from which both the image and a virtual environment are installed."""
        return ROOT / "envs" / f"{self.name}.txt"

    @cached_property
    def definition(self) -> str:
        """The digest of the two files from which this stack's container image is built: image.def and the pin file."""
        return hashlib.sha256(DEFINITION.read_bytes() + self.pins.read_bytes()).hexdigest()[:16]


@cache
def stack(name: str) -> Stack:
    """Return the stack with the given name. Raise NoisegridError if there is no such stack."""
    entries = catalog("stacks")
    if name == HERE:
        return Stack(HERE, "installed PyTorch", packages={}, disk_gb=0)
    if name not in entries:
        raise NoisegridError(unknown("stack", name, [*entries, HERE]))
    return Stack(name, **entries[name] | {"arch": tuple(entries[name].get("arch", ()))})


@dataclass(frozen=True)
class HardwareEntry(DeviceKind):
    """A validated entry of the hardware catalog.

    Attributes
    ----------
    title : str
        The name that readers see.
    device : str
        `cpu`, `cuda` or `xla`.
    precision : str
        `fp32`, `amp_fp16` or `amp_bf16`.
    memory_format : str
        The memory layout of images and convolution weights.
    stack : str
        The name of the stack.
    tf32 : bool
        Whether matrix products and convolutions may use TF32.
    gpu : str
        The text that the name of the GPU must contain; empty for a CPU.
    cpu_features : tuple of str
        What the processor must have, as Linux names it (`avx512f`, for example); empty if any processor will do.
    compute_capability : str
        The generation of the GPU, such as `9.0`; empty for a CPU.
    memory_gb, tflops : float or None
        The device memory in GB, and the peak speed in 10^12 operations per second; None if unknown.
    slurm : dict
        What a job requests from SLURM: values for `gpu_model` and `constraint`.
    kernels : dict
        For a CPU, the instruction sets that libraries use, and the number of threads. The entry `held` contains the
        values that all replicates use if the source `impl` is held. The entry `free` contains lists, from which each
        replicate draws its values if `impl` is free. Empty for a GPU or a TPU.
    pjrt : str
        For XLA, the kind of device that it compiles for: `CPU` or `TPU`; otherwise empty.
    note : str
        What a user must know about this entry; empty if there is nothing.
    """

    title: str
    device: str
    precision: str
    memory_format: str
    stack: str
    tf32: bool = False
    gpu: str = ""
    cpu_features: tuple[str, ...] = ()
    compute_capability: str = ""
    memory_gb: float | None = None
    tflops: float | None = None
    slurm: dict[str, str] = field(default_factory=dict, hash=False)
    kernels: dict[str, Any] = field(default_factory=dict, hash=False)
    pjrt: str = ""
    note: str = ""


def entry(name: str, where: str = "") -> HardwareEntry:
    """Return a validated entry of the hardware catalog.

    Parameters
    ----------
    name : str
        A name in the catalog, or `NAME@STACK` for the same device with another stack.
    where : str
        The file and key that contain the name, for the error message.

    Raises
    ------
    NoisegridError
        If the name is unknown, or if the stack has no kernels for the device.
    """
    try:
        return _entry(name)
    except NoisegridError as error:
        raise NoisegridError(f"{where}: {error}" if where else str(error)) from error


@cache
def _entry(name: str) -> HardwareEntry:
    base, _, other = name.partition("@")
    entries = catalog("hardware")
    if base not in entries:
        raise NoisegridError(unknown("hardware", base, [*entries, "auto"]))
    check(entries[base], "hardware", f"workflow/catalog/hardware.yaml: {base}")
    features = tuple(entries[base].get("cpu_features", ()))
    found = HardwareEntry(**entries[base] | {"cpu_features": features})
    if other:
        found = replace(found, stack=other, title=f"{found.title}, {stack(other).title}")
    _check_kernels(name, found)
    return found


def stack_of(hardware: str) -> str:
    """Return the name of the stack of a hardware entry."""
    return entry(hardware).stack


def is_mixed_precision(hardware: str) -> bool:
    """Return whether a hardware entry trains in mixed precision. Return False for a name that is not in the catalog."""
    found = catalog("hardware").get(hardware.partition("@")[0], {})
    return str(found.get("precision", "")).startswith("amp")


def memory_budget_gb(memory_gb: float, replicates: int) -> float:
    """Return the device memory in GB that each replicate may use if several train on one GPU at the same time.

    `replicates` is their number. A replicate that has the GPU for itself may use all of it.
    """
    return memory_gb if replicates == 1 else memory_gb / replicates - OUTSIDE_ALLOCATOR_GB


def gpus_per_job(hardware: str) -> int:
    """Return how many GPUs a job on the given hardware requests."""
    return int(entry(hardware).is_cuda)


def has_kernels(arch: Iterable[str], capability: str) -> bool:
    """Return whether packages with kernels for the given GPU generations run on a device.

    Kernels compiled for compute capability 8.0, for example, run on devices with 8.0 or 8.6, but not with 7.5 or 9.0.
    Portable code (PTX, `compute_80`) runs on every later device.

    Parameters
    ----------
    arch : iterable of str
        The generations, as torch.cuda.get_arch_list() names them: `sm_80`, `sm_90a` or `compute_80`.
    capability : str
        The compute capability of the device, such as `8.6`.
    """
    major, minor = map(int, capability.split("."))
    for kind, digits in re.findall(r"(sm|compute)_(\d+)", " ".join(arch)):
        other, step = int(digits[:-1]), int(digits[-1])
        if (kind == "sm" and other == major and step <= minor) or (kind != "sm" and (other, step) <= (major, minor)):
            return True
    return False


def stacks_for(capability: str) -> list[str]:
    """Return the names of the stacks that have kernels for a compute capability."""
    return [name for name in catalog("stacks") if has_kernels(stack(name).arch, capability)]


def _check_kernels(name: str, found: HardwareEntry) -> None:
    """Raise NoisegridError if the stack of a hardware entry has no kernels for the entry's device."""
    if not found.is_cuda or found.stack == HERE:
        return
    arch = stack(found.stack).arch
    if not has_kernels(arch, found.compute_capability):
        raise NoisegridError(
            f"hardware {name}: the stack {found.stack} has no kernels for compute capability "
            f"{found.compute_capability} (it has {', '.join(arch)}); choose another stack with "
            f"{name.partition('@')[0]}@STACK"
        )
