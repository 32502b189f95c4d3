"""Which GPUs this machine has, and claiming one of them: a job computes on a device that no other job has.

A scheduler's choice (CUDA_VISIBLE_DEVICES already set) is respected. Elsewhere a job takes the first device whose lock
file it can lock; the operating system gives the lock back when the process ends, however it ends, so that no lock is
ever stale. Asks nvidia-smi, not torch: a process that is to be forked must not touch CUDA.
"""

import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from noisegrid.common.commands import nvidia_smi
from noisegrid.common.errors import NoisegridError
from noisegrid.common.locks import flocked
from noisegrid.common.schemas import catalog

POLL_S = 2.0


class WrongDevice(NoisegridError):
    """This machine has another GPU than the job needs; another machine may have it."""


def gpus() -> dict[str, str]:
    """UUID -> model name of every GPU of this machine; empty without NVIDIA's driver."""
    lines = [line.partition(",") for line in nvidia_smi("--query-gpu=uuid,name")]
    return {uuid.strip(): name.strip() for uuid, _, name in lines}


def chosen() -> str | None:
    """UUID of the device that a scheduler has chosen for this process (CUDA_VISIBLE_DEVICES), however named."""
    # numbers are those of PCI_BUS_ID, as nvidia-smi counts, which `claim` makes CUDA's order too
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0]
    if first.startswith(("GPU-", "MIG-")):
        return first
    uuids = list(gpus())  # in the order of their numbers
    return uuids[int(first)] if first.isdigit() and int(first) < len(uuids) else None


def is_model(name: str, model: str) -> bool:
    """Whether a device name as CUDA reports it is of a catalog's model: its words in one run, so that L4 is not L40.

    A slice of a device (MIG) is another model than the whole.
    """
    if "MIG" in name.split() and "MIG" not in model.split():
        return False
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(model)}(?![0-9A-Za-z])", name) is not None


def named(names: list[str], where: str) -> list[str]:
    """Hardware as a study names it, with `auto` replaced by what this machine has. where: for the error."""
    try:
        return [catalog_name() if name == "auto" else name for name in names]
    except NoisegridError as error:
        raise NoisegridError(f"{where}: {error}") from error


def catalog_name() -> str:
    """What `hardware: auto` means here: the fp32 entry of this machine's GPUs, or cpu where there is none."""
    models = sorted(set(gpus().values()))
    if not models:
        return "cpu"
    entries = {name: entry for name, entry in catalog("hardware").items() if entry["precision"] == "fp32"}
    found = [name for name, entry in entries.items() if any(is_model(model, entry.get("gpu", " ")) for model in models)]
    if len(found) != 1:
        raise NoisegridError(
            f"hardware: auto finds {', '.join(models)}, which is {' and '.join(found) or 'not'} in "
            "workflow/catalog/hardware.yaml; name the hardware, or add an entry for it"
        )
    return found[0]


def check_present(name: str, hardware: dict[str, Any]) -> None:
    """Whether this machine has the GPU that a hardware entry names."""
    have = sorted(set(gpus().values()))
    if hardware["device"] == "cuda" and not any(is_model(model, hardware["gpu"]) for model in have):
        raise NoisegridError(
            f"hardware {name} needs a {hardware['gpu']}, and this machine has {', '.join(have) or 'no GPU'}; "
            "use a study for `hardware: [auto]`, or send the jobs to a cluster (--profile slurm)"
        )


@contextmanager
def claim(model: str, shared: bool = False) -> Iterator[str | None]:
    """Make one free GPU of a model the only one that this process and its children see; wait while all are taken.

    Gives its UUID, or None where the scheduler has already chosen. With `shared`, several jobs may use one device.
    """
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # CUDA's own is the fastest first
    if os.environ.get("CUDA_VISIBLE_DEVICES"):
        _check_chosen(model)
        yield None
        return
    fitting = [uuid for uuid, name in gpus().items() if is_model(name, model)]
    if not fitting:
        have = ", ".join(sorted(set(gpus().values()))) or "no GPU"
        raise WrongDevice(f"this job needs a {model}, but this machine has {have}")
    uuid, lock = (fitting[os.getpid() % len(fitting)], -1) if shared else _lock_one(fitting)
    os.environ["CUDA_VISIBLE_DEVICES"] = uuid
    print(f"computing on {model} {uuid}", file=sys.stderr, flush=True)
    try:
        yield uuid
    finally:
        del os.environ["CUDA_VISIBLE_DEVICES"]
        if lock >= 0:
            os.close(lock)


def _check_chosen(model: str) -> None:
    """Refuse the device that the scheduler has chosen if the driver says that it is of another model."""
    name = gpus().get(chosen() or "")
    if name is not None and not is_model(name, model):
        raise WrongDevice(f"this job needs a {model}, but was given a {name}")


def _lock_one(uuids: list[str]) -> tuple[str, int]:
    """The first device whose lock is free, and the open file that holds it."""
    told = False
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
        if not told:
            print(f"all {len(uuids)} devices are taken, waiting", file=sys.stderr, flush=True)
            told = True
        time.sleep(POLL_S)


def _open_for_all(path: Path) -> int:
    """A lock file that every user of this machine may lock, whoever came first and whatever the umask."""
    for _ in range(2):
        try:
            return os.open(path, os.O_RDWR)  # without O_CREAT: Linux refuses that on others' files in /tmp
        except FileNotFoundError:
            pass
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            continue  # another has just made it
        os.fchmod(lock, 0o666)
        return lock
    raise NoisegridError(f"the lock {path} comes and goes; is something cleaning {path.parent}?")
