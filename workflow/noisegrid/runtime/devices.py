"""The GPUs of this machine, and locks that give each job a GPU of its own.

If a scheduler has already set CUDA_VISIBLE_DEVICES, the scheduler's choice is used. Otherwise a job takes the first GPU
whose lock file it can lock. The operating system releases the lock when the process ends, even if it is killed, so no
lock becomes stale. This module asks NVML, not torch, because a process that will fork must not initialise CUDA.
"""

import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.common.locks import flocked
from noisegrid.common.schemas import catalog
from noisegrid.runtime import nvml, xla
from noisegrid.runtime.hardware import HardwareEntry

POLL_S = 2.0


class WrongDevice(NoisegridError):
    """An error: this machine has no device of the model that a job requires. Another machine may have one."""


def gpus() -> dict[str, str]:
    """Return the model name of every GPU of this machine, keyed by the GPU's UUID; empty without NVIDIA's driver.

    A GPU that is divided (MIG) is listed as its slices.
    """
    return {gpu.uuid: gpu.name for gpu in nvml.gpus()}


def chosen() -> str | None:
    """Return the UUID of the device that a scheduler chose for this process (CUDA_VISIBLE_DEVICES), or None."""
    # a number is an index into the GPUs in PCI_BUS_ID order: NVML uses this order, and `claim` sets it for CUDA
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0].strip()
    if first.startswith(("GPU-", "MIG-")):
        whole = [uuid for uuid in gpus() if uuid.startswith(first)]  # CUDA accepts the beginning of a UUID
        return whole[0] if len(whole) == 1 else first
    if not first.isdigit():
        return None
    # of a card that is divided (MIG), CUDA uses the first slice
    return next((gpu.uuid for gpu in nvml.gpus() if gpu.index == int(first)), None)


def is_model(name: str, model: str) -> bool:
    """Return whether the name of a device matches a GPU model of the catalog.

    The model must be a sequence of whole words in the device's name, so that L4 does not match L40. A slice of a device
    (MIG) is a different model from the whole device.

    Parameters
    ----------
    name : str
        The name that CUDA or NVML reports.
    model : str
        The GPU model in the catalog.
    """
    if "MIG" in name.split() and "MIG" not in model.split():
        return False
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(model)}(?![0-9A-Za-z+])", name) is not None


def named(names: list[str], where: str) -> list[str]:
    """Return names of hardware entries, with `auto` replaced by this machine's hardware; `auto@STACK` keeps the stack.

    Error messages begin with `where`.
    """
    try:
        return [re.sub("^auto(?=@|$)", lambda _: catalog_name(), name) for name in names]
    except NoisegridError as error:
        raise NoisegridError(f"{where}: {error}") from error


def catalog_name() -> str:
    """Return the name of the hardware entry that `auto` stands for on this machine.

    This is the entry with precision fp32 for the GPUs of this machine, or for the one that a scheduler chose. If
    several entries match a GPU, it is the one that names the GPU most exactly. Without a GPU, it is `cpu`.
    """
    have = gpus()
    mine = have.get(chosen() or "")
    models = sorted(set(have.values())) if mine is None else [mine]
    if not models:
        return "cpu"
    found = list(dict.fromkeys(name for model in models for name in _most_exact(model)))
    if len(found) != 1:
        raise NoisegridError(
            f"hardware: auto found {', '.join(models)}, which matches {' and '.join(found) or 'no entry'} in "
            "workflow/catalog/hardware.yaml; write the name of an entry instead of auto, or add an entry"
        )
    return found[0]


def _most_exact(model: str) -> list[str]:
    """Return the entries with precision fp32 that match a GPU model with the longest text; usually one."""
    texts = {name: entry.get("gpu", " ") for name, entry in catalog("hardware").items() if entry["precision"] == "fp32"}
    fitting = {name: len(text) for name, text in texts.items() if is_model(model, text)}
    return [name for name, length in fitting.items() if length == max(fitting.values())]


def check_present(name: str, hardware: HardwareEntry) -> None:
    """Raise NoisegridError if this machine lacks the GPU, TPU or processor features that a hardware entry requires."""
    check_host(name, hardware)
    have = sorted(set(gpus().values()))
    if hardware.is_cuda and not any(is_model(model, hardware.gpu) for model in have):
        raise NoisegridError(
            f"hardware {name} requires GPU model {hardware.gpu}, but this machine has "
            f"{', '.join(have) or 'no GPU'}; use a study with `hardware: [auto]`, or submit the jobs "
            "to a cluster (--profile slurm)"
        )


@cache
def processor_features() -> frozenset[str]:
    """Return the instruction-set flags of this processor; return an empty set unless it runs Linux on x86-64."""
    if platform.machine() not in {"x86_64", "AMD64"} or not Path("/proc/cpuinfo").exists():
        return frozenset()
    line = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    return frozenset(line.partition(":")[2].split())


def check_host(name: str, hardware: HardwareEntry) -> None:
    """Raise WrongDevice if this machine lacks a TPU or a processor feature that a hardware entry requires."""
    if hardware.is_tpu and not xla.has_tpu():
        raise WrongDevice(
            f"hardware {name} requires a TPU, but this machine has no TPU; run it on a machine with one, or use "
            "hardware `xla_cpu`"
        )
    lacking = [feature for feature in hardware.cpu_features if feature not in processor_features()]
    if lacking:
        raise WrongDevice(
            f"hardware {name} requires a processor with {', '.join(lacking)} (see lscpu), which this machine lacks; "
            "use hardware `cpu`, or send the jobs to nodes that have it"
        )


@contextmanager
def claim(model: str) -> Iterator[str | None]:
    """Claim a free GPU of the given model for this process and its child processes; they see no other GPU.

    If all GPUs of the model are in use, wait. If a scheduler has already chosen a GPU, only check the model of that
    GPU.

    Parameters
    ----------
    model : str
        The GPU model in the catalog.

    Yields
    ------
    str or None
        The UUID of the GPU; None if a scheduler has already chosen one.

    Raises
    ------
    WrongDevice
        If this machine has no GPU of the model, or if the scheduler chose a GPU of a different model.
    """
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # by default, CUDA puts the fastest GPU first
    if os.environ.get("CUDA_VISIBLE_DEVICES"):
        _check_chosen(model)
        yield None
        return
    fitting = [uuid for uuid, name in gpus().items() if is_model(name, model)]
    if not fitting:
        have = ", ".join(sorted(set(gpus().values()))) or "no GPU"
        raise WrongDevice(f"this job requires GPU model {model}, but this machine has {have}")
    uuid, lock = _lock_one(fitting)
    os.environ["CUDA_VISIBLE_DEVICES"] = uuid
    print(f"computing on {model} {uuid}", file=sys.stderr, flush=True)
    try:
        yield uuid
    finally:
        del os.environ["CUDA_VISIBLE_DEVICES"]
        os.close(lock)


def _check_chosen(model: str) -> None:
    """Raise WrongDevice if the driver reports that the GPU chosen by the scheduler is not of the required model."""
    name = gpus().get(chosen() or "")
    if name is not None and not is_model(name, model):
        raise WrongDevice(f"this job requires GPU model {model}, but the scheduler assigned {name}")


def _lock_one(uuids: list[str]) -> tuple[str, int]:
    """Wait until one of the GPUs is free, and lock its lock file. Return the GPU's UUID and the open lock file."""
    announced = False
    while True:
        for uuid in uuids:
            path = Path(tempfile.gettempdir()) / f"noisegrid-{uuid}.lock"
            lock = _open_for_all(path)
            if not flocked(lock):
                os.close(lock)
                continue
            os.ftruncate(lock, 0)
            os.write(lock, f"{os.getpid()}\n".encode())
            return uuid, lock
        if not announced:
            print(f"all {len(uuids)} devices are in use; waiting", file=sys.stderr, flush=True)
            announced = True
        time.sleep(POLL_S)


def _open_for_all(path: Path) -> int:
    """Open a lock file that every user of this machine can lock, even if it is created under a strict umask."""
    for _ in range(2):
        try:
            return os.open(path, os.O_RDWR)  # without O_CREAT, because Linux refuses it for other users' files in /tmp
        except FileNotFoundError:
            pass
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            continue  # another process has just created it
        os.fchmod(lock, 0o666)
        return lock
    raise NoisegridError(f"the lock file {path} keeps disappearing; is another program cleaning {path.parent}?")
