"""The device, software and code of a run. Every record contains them, to show how a result was made."""

import ctypes
import os
import platform
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from typing import Any

import torch

from noisegrid.common.errors import NoisegridError
from noisegrid.common.provenance import code_digests, tree, wheel_digest
from noisegrid.common.schemas import catalog
from noisegrid.runtime import cuda_environment, devices, gpu_sharing, nvml, processor
from noisegrid.runtime.environment import HERE, environment_digest, packages
from noisegrid.runtime.hardware import stack

#: Options of glibc's mallopt, with their values: M_MMAP_MAX (no separate mappings), M_TRIM_THRESHOLD and M_TOP_PAD, in
#: bytes.
MALLOC_OPTIONS = ((-4, 0), (-1, 1 << 30), (-2, 1 << 26))


def device(kind: str) -> dict[str, Any]:
    """Return a description of this process's device. `kind` is `cpu` or `cuda`; the memory is in bytes."""
    host = {"host_cpu": processor.name(), "host_processor": processor.identity(), "host_cores": os.cpu_count()}
    if kind == "cpu":
        return {"kind": "cpu", "model": processor.name(), **host}
    properties = torch.cuda.get_device_properties(0)  # device 0 is the one that the job claimed
    return {
        "kind": "cuda",
        "model": properties.name,
        "uuid": _uuid(str(properties.uuid)),
        "compute_capability": f"{properties.major}.{properties.minor}",
        "multiprocessors": properties.multi_processor_count,
        "memory_bytes": properties.total_memory,
        "driver": nvml.driver(),
        "environment_variables": cuda_environment.recorded(),
        **gpu_sharing.described(),
        **host,
    }


def check_device(gpu: str) -> None:
    """Raise NoisegridError if the cell requires a GPU model, and this process has no GPU of that model."""
    if not gpu:
        return
    if not torch.cuda.is_available():
        raise NoisegridError(f"this cell requires GPU model {gpu}, but PyTorch sees no GPU: {_why_no_gpu()}")
    name = torch.cuda.get_device_name(0)
    if not devices.is_model(name, gpu):
        raise NoisegridError(
            f"this cell requires GPU model {gpu}, but the job runs on {name}; send the job to a node with the "
            "required model"
        )


def model_here(gpu: str, uuid: str | None) -> str | None:
    """Return the model name of this job's device, as reported by Linux or by NVIDIA's driver.

    For a GPU, this function asks the driver instead of CUDA, because a process that will fork must not initialise CUDA.

    Parameters
    ----------
    gpu : str
        The text that the name of the GPU must contain; empty for a CPU.
    uuid : str or None
        The UUID of the claimed GPU; None if the scheduler chose the GPU.

    Returns
    -------
    str or None
        The model; None if it is unknown.
    """
    return devices.gpus().get(uuid or devices.chosen() or "") if gpu else processor.name()


def keep_freed_memory() -> None:
    """Make this process keep the memory that it frees, so that a training step does not ask the kernel for it again.

    Each step allocates the same large tensors. By default, glibc returns their memory to the kernel, which must then
    fill new pages with zeros. Other C libraries are left as they are.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        for option, value in MALLOC_OPTIONS:
            libc.mallopt(option, value)


def synchronize(kind: str) -> None:
    """Wait until a CUDA device has finished its work. On a CPU, do nothing, because CUDA may be broken there."""
    if kind == "cuda":
        torch.cuda.synchronize()


@cache
def software() -> dict[str, Any]:
    """Return the versions of the software.

    The CUDA version is that of PyTorch's wheel; cuDNN is None without a GPU. `packages` has the version of every
    installed Python package, and `environment` is a short digest of these versions.
    """
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": version("numpy"),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version() if torch.cuda.is_available() else None,
        "torchvision": packages().get("torchvision"),
        "os": platform.platform(),
        "environment": environment_digest(),
        "packages": packages(),
    }


@cache
def code(build: str) -> dict[str, Any]:
    """Return what identifies the code that trains a network.

    Parameters
    ----------
    build : str
        The function that builds the network, as package.module:function.

    Returns
    -------
    dict
        The git commit, whether tracked files differ from that commit, the digest of the installed wheel (if there is no
        git checkout), and the digests of the training code and of the network's code.
    """
    commit, changed = tree()
    wheel = wheel_digest() if commit is None else None
    return {"git_commit": commit, "git_dirty": changed, "wheel_digest": wheel, **code_digests(build)}


def _uuid(name: str) -> str:
    """Return the UUID of this process's GPU with the prefix that NVML writes and PyTorch leaves out.

    `name` is the UUID that PyTorch reports. For a slice (MIG), that may be the UUID of the whole card, so the slice in
    CUDA_VISIBLE_DEVICES counts.
    """
    if name.startswith(("GPU-", "MIG-")):
        return name
    mine = devices.chosen() or ""
    return mine if mine.startswith("MIG-") else f"GPU-{name}"


def _why_no_gpu() -> str:
    """Return the reason why PyTorch sees no GPU, as far as it can be known."""
    driver, cuda = nvml.driver(), torch.version.cuda
    if cuda is None:
        return "this PyTorch was built without CUDA"
    floor = next((entry["driver"] for entry in catalog("stacks").values() if entry.get("cuda") == cuda), None)
    if driver and floor and _version_parts(driver) < _version_parts(floor):
        return f"the driver is {driver}, and CUDA {cuda} needs at least {floor}"
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return f"CUDA_VISIBLE_DEVICES is {os.environ['CUDA_VISIBLE_DEVICES']!r}"
    return f"the driver is {driver}; check it with nvidia-smi" if driver else "no GPU was assigned to the job"


def _version_parts(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def check_stack(name: str) -> None:
    """Raise NoisegridError if the PyTorch version of this process is not the one in the cell's stack."""
    if name == HERE:
        return
    required = stack(name).packages["torch"]
    if torch.__version__.partition("+")[0] != required:
        raise NoisegridError(
            f"this cell requires the stack {name} (torch {required}), but this environment has torch "
            f"{torch.__version__}; run in the image of the stack (--sdm apptainer), or in an environment of the stack "
            f"(make STACK={name})"
        )


def check_environment(stack_name: str, is_cuda: bool) -> None:
    """Check that a job may compute in this environment.

    Raises
    ------
    NoisegridError
        If PyTorch is not that of the stack or if, on CUDA, a variable would change the arithmetic.
    """
    check_stack(stack_name)
    if is_cuda:
        cuda_environment.check()
