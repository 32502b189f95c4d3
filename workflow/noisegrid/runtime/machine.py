"""What a run ran on and with: device, software, code. Goes into every record, so that no number stands without it."""

import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from noisegrid.common.commands import nvidia_smi
from noisegrid.common.errors import NoisegridError
from noisegrid.common.provenance import source_digest, tree
from noisegrid.common.schemas import WORKFLOW, catalog
from noisegrid.runtime import devices
from noisegrid.runtime.hardware import stack


def device(kind: str) -> dict[str, Any]:
    """The device of kind `cpu` or `cuda` that this process computes on. Memory in bytes."""
    host = {"host_cpu": _processor(), "host_cores": os.cpu_count()}
    if kind == "cpu":
        return {"kind": "cpu", "model": _processor(), **host}
    properties = torch.cuda.get_device_properties(0)  # the one that the job claimed
    return {
        "kind": "cuda",
        "model": properties.name,
        "uuid": _uuid(str(properties.uuid)),
        "compute_capability": f"{properties.major}.{properties.minor}",
        "multiprocessors": properties.multi_processor_count,
        "memory_bytes": properties.total_memory,
        "driver": _driver(),
        **host,
    }


def check_device(hardware: dict[str, Any]) -> None:
    """A cell belongs to one hardware: stop before training on another GPU model than it names."""
    if hardware["device"] != "cuda":
        return
    if not torch.cuda.is_available():
        raise NoisegridError(f"this cell needs a {hardware['gpu']}, but PyTorch sees no GPU: {_why_no_gpu()}")
    name = torch.cuda.get_device_name(0)
    if not devices.is_model(name, hardware["gpu"]):
        raise NoisegridError(
            f"this cell needs a {hardware['gpu']}, but the job found itself on {name}; give it the right node"
        )


def model_here(hardware: dict[str, Any], uuid: str | None) -> str | None:
    """The device model as the processor or the driver tells it; None where it cannot be told.

    uuid: of the GPU that was claimed, None where the scheduler has chosen. Asks the driver, not CUDA, which does not
    survive a fork.
    """
    return _processor() if hardware["device"] == "cpu" else devices.gpus().get(uuid or devices.chosen() or "")


def synchronize(kind: str) -> None:
    """Wait for the device of kind `cpu` or `cuda`; a CPU run must not wake CUDA, which may be there and not work."""
    if kind == "cuda":
        torch.cuda.synchronize()


@cache
def software() -> dict[str, Any]:
    """Versions of what computes. CUDA and cuDNN are those of the wheel, also where no GPU is used."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": version("numpy"),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version() if torch.cuda.is_available() else None,
        "torchvision": _version("torchvision"),
        "os": platform.platform(),
    }


@cache
def code() -> dict[str, Any]:
    """The git commit of the working tree, whether it was changed since, and a digest of the training modules."""
    commit, changed = tree()
    return {
        "git_commit": commit,
        "git_dirty": changed,
        "source_digest": source_digest(WORKFLOW / "noisegrid"),
    }


def _uuid(name: str) -> str:
    """As nvidia-smi writes it: PyTorch leaves the prefix out."""
    return name if name.startswith(("GPU-", "MIG-")) else f"GPU-{name}"


def _why_no_gpu() -> str:
    """The driver beside the oldest that this CUDA runs with."""
    driver, cuda = _driver(), torch.version.cuda
    floor = next((entry["driver"] for entry in catalog("stacks").values() if entry.get("cuda") == cuda), "a newer one")
    return f"the driver is {driver}, and CUDA {cuda} needs {floor} or later" if driver else "the job was given none"


def check_stack(name: str) -> None:
    """A cell belongs to one stack: stop before training with another framework than it names."""
    promised = stack(name).packages["torch"]
    if torch.__version__.partition("+")[0] != promised:
        raise NoisegridError(
            f"this cell needs the stack {name} (torch {promised}), but this is torch {torch.__version__}; run in its "
            f"image (--sdm apptainer), or in an environment of its own (make STACK={name})"
        )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@cache
def _processor() -> str:
    """The processor's model name, as Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _driver() -> str | None:
    return next(iter(nvidia_smi("--query-gpu=driver_version")), None)
