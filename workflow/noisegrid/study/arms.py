"""Which networks a study times, on what, and under which arms. Reads the catalogs; imports no torch."""

import itertools
from dataclasses import dataclass
from functools import cache
from typing import Any

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.common.schemas import catalog, reference_digest
from noisegrid.runtime import devices
from noisegrid.runtime.hardware import entry

REFERENCE = "default"
#: The figures that are drawn from timings.
FIGURES = ("figure_6", "figure_7")


def data_of(figure: str) -> str:
    """The file of the results that a figure is drawn from."""
    return "overhead.csv" if figure in FIGURES else "metrics.csv"


@dataclass(frozen=True)
class Arm:
    """The training step under some of PyTorch's switches (workflow/catalog/arms.yaml)."""

    name: str
    title: str
    switches: dict[str, Any]
    against: str = ""
    requires: str = ""
    slow: bool = False


@dataclass(frozen=True)
class TimedNetwork:
    """One network timed on one hardware.

    size: pixels; a block is `steps` training steps of one arm; source: digest of the file of a network of one's own.
    """

    hardware: str
    network: str
    build: str
    options: dict[str, Any]
    arms: tuple[str, ...]
    size: int = 224
    batch_size: int = 128
    blocks: int = 10
    steps: int = 10
    source: str = ""

    @property
    def path(self) -> str:
        """Its place below the overhead folder, and its name in messages."""
        return f"{self.hardware}/{self.network}"


@cache
def arms() -> dict[str, Arm]:
    """All arms of the catalog."""
    return {name: Arm(name, **entry) for name, entry in catalog("arms").items()}


def usual_arms() -> list[str]:
    """The arms that are timed when nobody names any."""
    return [name for name, arm in arms().items() if not arm.slow]


def why_not(arm: Arm, hardware: dict[str, Any]) -> str:
    """Why an arm means nothing on a hardware; empty if it does."""
    if arm.requires and hardware["device"] != "cuda":
        return "only CUDA has this switch"
    if arm.requires == "tf32" and float(hardware["compute_capability"]) < 8:
        return "TF32 exists since compute capability 8.0"
    return ""


def timed_networks(blocks: list[dict[str, Any]], where: str, start: int = 0) -> tuple[TimedNetwork, ...]:
    """The timings of a study's `overhead` blocks. Raises NoisegridError for unknown names and pairs named twice."""
    found: dict[str, TimedNetwork] = {}
    for index, block in enumerate(blocks, start):
        here = f"{where}: overhead[{index}]"
        for hardware, network in itertools.product(devices.named(block["hardware"], here), block["networks"]):
            entry(hardware, here)
            more = {key: block[key] for key in ("size", "batch_size", "blocks", "steps") if key in block}
            timing = timed_network(hardware, network, block.get("arms"), here, **more)
            if timing.path in found:
                raise NoisegridError(f"{here}: {timing.path} is named twice")
            found[timing.path] = timing
    return tuple(found.values())


def timed_network(hardware: str, network: str, names: list[str] | None, where: str, **more: int) -> TimedNetwork:
    """One timing, with the network's entry of the catalog or the user's own package.module:function spelt out."""
    own, source = ":" in network, ""
    if own:
        source = reference_digest(network, f"{where}: network")
    elif network not in catalog("networks"):
        raise NoisegridError(f"{where}: {unknown('network', network, catalog('networks'))}")
    found: dict[str, Any] = {"build": network, "options": {}} if own else catalog("networks")[network]
    more |= {"size": found["timed_at"]} if "timed_at" in found else {}
    label = network.replace(":", ".")
    return TimedNetwork(
        hardware, label, found["build"], found["options"], _with_references(names, where), source=source, **more
    )


def _with_references(names: list[str] | None, where: str) -> tuple[str, ...]:
    """The named arms and those that they are held against, in the catalog's order."""
    wanted = set(names or usual_arms()) | {REFERENCE}
    for name in list(wanted):
        if name not in arms():
            raise NoisegridError(f"{where}: {unknown('arm', name, arms())}")
        wanted |= {arms()[name].against} - {""}
    return tuple(name for name in arms() if name in wanted)
