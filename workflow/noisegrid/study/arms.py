"""The networks that a study times, the hardware on which it times them, and the arms.

This module does not import torch.
"""

import itertools
from dataclasses import dataclass
from functools import cache
from typing import Any

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.common.references import reference_digest
from noisegrid.common.schemas import catalog
from noisegrid.runtime import devices
from noisegrid.runtime.hardware import HardwareEntry, entry
from noisegrid.study.study import TimedNetwork

REFERENCE = "default"
#: What the size of a timed network counts, by the inputs that it takes (`inputs` in workflow/catalog/networks.yaml).
UNITS = {"images": "px", "tokens": "tokens", "table": "columns"}


@dataclass(frozen=True)
class Arm:
    """One setting of PyTorch's switches under which the training step is timed (workflow/catalog/arms.yaml).

    Attributes
    ----------
    name, title : str
        The name in the catalog, and the name that readers see.
    switches : dict
        The switches and their values.
    against : str
        The name of the arm that this arm is compared with; empty for the default arm.
    requires : str
        The feature of the device that the arm requires (`cuda` or `tf32`); empty if it requires none.
    slow : bool
        Whether timing the arm takes minutes. A slow arm is timed only if the study lists it by name.
    """

    name: str
    title: str
    switches: dict[str, Any]
    against: str = ""
    requires: str = ""
    slow: bool = False


@cache
def arms() -> dict[str, Arm]:
    """Return all arms of the catalog by name."""
    return {name: Arm(name, **entry) for name, entry in catalog("arms").items()}


def inputs_of(network: str) -> str:
    """Return which inputs a network takes, a key of UNITS, given its name. A user's own network takes images."""
    return str(catalog("networks").get(network, {}).get("inputs", "images"))


def inputs_timed(timing: TimedNetwork) -> str:
    """Return which inputs a timed network takes, a key of UNITS."""
    return timing.inputs or inputs_of(timing.network)


def usual_arms() -> list[str]:
    """Return the names of the arms that are timed if a study does not list arms."""
    return [name for name, arm in arms().items() if not arm.slow]


def why_not(arm: Arm, hardware: HardwareEntry) -> str:
    """Return why an arm cannot be timed on the given hardware, or an empty string if it can be."""
    if arm.requires and not hardware.is_cuda:
        return "only CUDA has this switch"
    if arm.requires == "tf32" and float(hardware.compute_capability) < 8:
        return "TF32 requires compute capability 8.0 or higher"
    return ""


def timed_networks(blocks: list[dict[str, Any]], where: str, start: int = 0) -> tuple[TimedNetwork, ...]:
    """Return the timed networks that the `overhead` blocks of a study request.

    Parameters
    ----------
    blocks : list of dict
        The `overhead` blocks.
    where : str
        The file of the study, for error messages.
    start : int
        The index of the first block, for error messages.

    Raises
    ------
    NoisegridError
        If a name is unknown, or if a network is listed twice for the same hardware.
    """
    found: dict[str, TimedNetwork] = {}
    for index, block in enumerate(blocks, start):
        here = f"{where}: overhead[{index}]"
        for hardware, network in itertools.product(devices.named(block["hardware"], here), block["networks"]):
            entry(hardware, here)
            more = {key: block[key] for key in ("size", "batch_size", "processes", "blocks", "steps") if key in block}
            timing = timed_network(hardware, network, block.get("arms"), here, **more)
            if timing.path in found:
                raise NoisegridError(f"{here}: {timing.path} is named twice")
            found[timing.path] = timing
    return tuple(found.values())


def timed_network(hardware: str, network: str, names: list[str] | None, where: str, **more: Any) -> TimedNetwork:
    """Return one timed network, resolved from a name in the catalog or from the user's package.module:function.

    Parameters
    ----------
    hardware : str
        The name of the hardware entry.
    network : str
        A name in the catalog, or package.module:function.
    names : list of str or None
        The names of the arms; None for all arms that are not slow.
    where : str
        The file and key that contain the names, for error messages.
    more
        Values of TimedNetwork's fields that differ from the defaults. If the catalog specifies `timed_at` for the
        network, this size is used instead of `size`.

    Raises
    ------
    NoisegridError
        If the network or an arm is unknown, or if the hardware runs through XLA.
    """
    if entry(hardware).is_xla:
        raise NoisegridError(
            f"{where}: {hardware} runs through XLA, which has none of the switches that the overhead stage times; name "
            "other hardware"
        )
    own, source = ":" in network, ""
    if own:
        source = reference_digest(network, f"{where}: network")
    elif network not in catalog("networks"):
        own_too = "name a network of your own as package.module:function"
        raise NoisegridError(f"{where}: {unknown('network', network, catalog('networks'), own_too)}")
    found: dict[str, Any] = {"build": network, "options": {}} if own else catalog("networks")[network]
    more |= {"size": found["timed_at"]} if "timed_at" in found else {}
    label = network.replace(":", ".")
    return TimedNetwork(
        hardware, label, found["build"], found["options"], _with_references(names, where), source=source, **more
    )


def _with_references(names: list[str] | None, where: str) -> tuple[str, ...]:
    """Return the names of the arms to time, in the catalog's order.

    These are the given arms (or, for None, all arms that are not slow), the arms that these are compared with, and the
    default arm.
    """
    wanted = set(names or usual_arms()) | {REFERENCE}
    for name in list(wanted):
        if name not in arms():
            raise NoisegridError(f"{where}: {unknown('arm', name, arms())}")
        wanted |= {arms()[name].against} - {""}
    return tuple(name for name in arms() if name in wanted)
