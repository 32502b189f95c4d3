"""The device, software and code of a run. Every record contains them, to show how a result was made."""

import ctypes
import os
import platform
import warnings
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from typing import Any

import torch

from noisegrid.common.errors import NoisegridError, first_line
from noisegrid.common.provenance import code_digests, tree, wheel_digest
from noisegrid.common.schemas import catalog
from noisegrid.runtime import cuda_environment, devices, gpu_sharing, nvml, processor, xla
from noisegrid.runtime.environment import HERE, environment_digest, packages
from noisegrid.runtime.hardware import has_kernels, stack, stacks_for

#: Options of glibc's mallopt, with their values: M_MMAP_MAX (no separate mappings), M_TRIM_THRESHOLD and M_TOP_PAD, in
#: bytes.
MALLOC_OPTIONS = ((-4, 0), (-1, 1 << 30), (-2, 1 << 26))


def device(kind: str) -> dict[str, Any]:
    """Return a description of this process's device. `kind` is `cpu`, `cuda` or `xla`; the memory is in bytes."""
    host = {"host_cpu": processor.name(), "host_processor": processor.identity(), "host_cores": os.cpu_count()}
    if kind == "cpu":
        return {"kind": "cpu", "model": processor.name(), **host}
    if kind == "xla":
        about = xla.described()
        model = processor.name() if about["pjrt"] == "CPU" else xla.device_kind()
        return {"kind": "xla", "model": model, **about, **host}
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
    """Check that this process can train on the GPU that its cell requires, if it requires one. This initialises CUDA.

    Raises
    ------
    NoisegridError
        If this process has no GPU, or one of another model, or if this PyTorch has no kernels or no cuDNN for it.
    """
    if not gpu:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns in many lines about what is said in one sentence below
        properties = _properties(gpu)
    name, capability = properties.name, f"{properties.major}.{properties.minor}"
    if not devices.is_model(name, gpu):
        raise NoisegridError(
            f"this cell requires GPU model {gpu}, but the job runs on {name}; send the job to a node with the "
            "required model"
        )
    if lacking := _lacking(capability):
        raise NoisegridError(
            f"torch {torch.__version__} has {lacking} for {name} (compute capability {capability}); "
            f"{_other_stack(capability)}"
        )


def _properties(gpu: str) -> Any:
    """Return the properties of this process's GPU, which must exist; `gpu` is the model that the cell requires."""
    if not torch.cuda.is_available():
        raise NoisegridError(f"this cell requires GPU model {gpu}, but PyTorch sees no GPU: {_why_no_gpu()}")
    try:
        return torch.cuda.get_device_properties(0)
    except RuntimeError as error:  # NVML, which jobs make PyTorch ask first, may see a GPU that CUDA cannot use
        reason = _driver_too_old() or first_line(error)
        raise NoisegridError(f"this cell requires GPU model {gpu}, but CUDA cannot use it: {reason}") from error


def _lacking(capability: str) -> str:
    """Return what this PyTorch lacks for a GPU of a compute capability; an empty string if it lacks nothing."""
    arch = torch.cuda.get_arch_list()
    if arch and not has_kernels(arch, capability):
        return f"no kernels (only {', '.join(arch)})"
    try:
        torch.backends.cudnn.version()
    except RuntimeError:  # cuDNN 9.11 and later do not run on GPUs before compute capability 7.5
        return "no cuDNN"
    return ""


def _other_stack(capability: str) -> str:
    """Return the remedy of a GPU that this PyTorch does not support."""
    names = stacks_for(capability)
    if not names:
        return "no stack of the catalog has; use another GPU"
    return (
        f"use the stack {' or '.join(names)}, in its image (--sdm apptainer), or in an environment of it "
        f"(make STACK={names[-1]})"
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
    """Wait until the device has finished its work. On a CPU, do nothing, because CUDA may be broken there."""
    if kind == "cuda":
        torch.cuda.synchronize()
    elif kind == "xla":
        xla.wait()


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
    if torch.version.cuda is None:
        return "this PyTorch was built without CUDA"
    if why := _driver_too_old():
        return why
    if (driver := nvml.driver()) is None:
        return "NVIDIA's driver does not answer; check it with nvidia-smi, and ask the scheduler for a GPU"
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        mine = devices.chosen()
        unknown = mine is not None and mine not in devices.gpus()
        missing = ", which the driver does not list; check it with nvidia-smi" if unknown else ""
        return f"CUDA_VISIBLE_DEVICES is {os.environ['CUDA_VISIBLE_DEVICES']!r}{missing}"
    return f"the driver is {driver}; check it with nvidia-smi"


def _driver_too_old() -> str:
    """Return a sentence if the driver is older than this PyTorch's CUDA needs, else an empty string."""
    driver, cuda = nvml.driver(), torch.version.cuda
    floor = next((entry["driver"] for entry in catalog("stacks").values() if entry.get("cuda") == cuda), None)
    if driver and floor and _version_parts(driver) < _version_parts(floor):
        return f"the driver is {driver}, and CUDA {cuda} needs at least {floor}; update it, or use another stack"
    return ""


def _version_parts(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def check_stack(name: str) -> None:
    """Raise NoisegridError if the version of PyTorch or PyTorch/XLA here is not the one in the cell's stack."""
    if name == HERE:
        return
    required, have = stack(name).packages, {"torch": str(torch.__version__)}
    if "torch_xla" in required:
        have["torch_xla"] = packages().get("torch-xla", "none")
    for package, found in have.items():
        if found.partition("+")[0] != required[package]:
            raise NoisegridError(
                f"this cell requires the stack {name} ({package} {required[package]}), but this environment has "
                f"{package} {found}; run in the image of the stack (--sdm apptainer), or in an environment of the "
                f"stack (make STACK={name})"
            )


def check_environment(stack_name: str, kind: str) -> None:
    """Check that a job may compute in this environment, on a device of the given kind (`cpu`, `cuda` or `xla`).

    Raises
    ------
    NoisegridError
        If PyTorch is not that of the stack, if torch_xla is missing, or if a variable would change the arithmetic of
        CUDA or XLA.
    """
    check_stack(stack_name)
    if kind == "cuda":
        cuda_environment.check()
    elif kind == "xla":
        xla.check()
