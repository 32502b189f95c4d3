"""What a hardware's name stands for: an entry of the catalog, or the same device with another stack (`h100@STACK`).

Reads workflow/catalog/hardware.yaml and stacks.yaml; imports no torch.
"""

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.common.schemas import WORKFLOW, catalog, check

ROOT = WORKFLOW.parent
DEFINITION = ROOT / "containers" / "image.def"
#: The stack of everything that needs no framework.
ANALYSIS = "analysis"


@dataclass(frozen=True)
class Stack:
    """One pinned set of framework and CUDA. cuda, arch and driver are empty for the analysis stack."""

    name: str
    title: str
    packages: dict[str, str]
    disk_gb: float
    cuda: str = ""
    arch: tuple[str, ...] = ()
    driver: str = ""

    @property
    def pins(self) -> Path:
        """The pin file, used by the image and by a plain virtual environment alike."""
        return ROOT / "envs" / f"{self.name}.txt"

    @cached_property
    def definition(self) -> str:
        """Digest of what an image of this stack is built from: the definition and the pins."""
        return hashlib.sha256(DEFINITION.read_bytes() + self.pins.read_bytes()).hexdigest()[:16]


@cache
def stack(name: str) -> Stack:
    """A stack by name, or a clear error."""
    entries = catalog("stacks")
    if name not in entries:
        raise NoisegridError(unknown("stack", name, entries))
    return Stack(name, **entries[name] | {"arch": tuple(entries[name].get("arch", ()))})


def entry(name: str, where: str = "") -> dict[str, Any]:
    """The catalog's entry of a hardware, complete and checked. `NAME@STACK` is NAME with another stack.

    Raises NoisegridError for a name that is not there, or a stack that has no kernels for the device. where: the place
    that names it, for the error.
    """
    try:
        return dict(_entry(name))
    except NoisegridError as error:
        raise NoisegridError(f"{where}: {error}" if where else str(error)) from error


@cache
def _entry(name: str) -> dict[str, Any]:
    base, _, other = name.partition("@")
    entries = catalog("hardware")
    if base not in entries:
        raise NoisegridError(unknown("hardware", base, [*entries, "auto"]))
    found: dict[str, Any] = {"tf32": False, **entries[base]}
    check(found, "hardware", f"workflow/catalog/hardware.yaml: {base}")
    if "unavailable" in found:
        raise NoisegridError(f"hardware {base} cannot be used: {found['unavailable']}")
    if other:
        title = f"{found['title']}, {stack(other).title}"
        found |= {"stack": other, "title": title}
    _check_kernels(name, found)
    return found


def stack_of(hardware: str) -> str:
    """Return the stack of a hardware."""
    return str(entry(hardware)["stack"])


def gpus_per_job(hardware: str) -> int:
    """Return how many GPUs a job on this hardware asks for."""
    return int(entry(hardware)["device"] == "cuda")


def _check_kernels(name: str, found: dict[str, Any]) -> None:
    """A stack's wheels must hold code for the device: that of its own generation, or of an older minor one."""
    arch = stack(found["stack"]).arch
    if found["device"] != "cuda":
        return
    major, minor = found["compute_capability"].split(".")
    codes = [code.removeprefix("sm_") for code in arch]
    if not any(code[:-1] == major and int(code[-1]) <= int(minor) for code in codes):
        raise NoisegridError(
            f"hardware {name}: the stack {found['stack']} has no kernels for compute capability {major}.{minor} "
            f"(it has {', '.join(arch)}); name another with {name.partition('@')[0]}@STACK"
        )
