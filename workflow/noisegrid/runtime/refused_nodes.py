"""The device a job computes on; a node that turns out to have another one is noted, and avoided by the next attempt."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from noisegrid.common.files import write_text
from noisegrid.runtime import devices


@contextmanager
def claimed(hardware: dict[str, Any], results: Path | None, name: str, shared: bool = False) -> Iterator[str | None]:
    """The GPU of a job whose hardware is one (`devices.claim`), None on a CPU; a node of another kind is noted.

    hardware: the catalog's entry; name: its key; results: folder of the study, None where there is none.
    """
    try:
        with devices.claim(hardware["gpu"], shared) if hardware["device"] == "cuda" else nullcontext() as uuid:
            yield uuid
    except devices.WrongDevice as error:
        if (node := os.environ.get("SLURMD_NODENAME")) and results is not None:
            write_text(_folder(results, name) / node, f"{error}\n")
        raise


def settle(results: Path, name: str, model: str | None) -> None:
    """The first job of a study on a hardware settles which device model that is (of 16 or 32 GB, of PCIe or SXM).

    Raises WrongDevice for every other model, before it trains. model: None where it cannot be told.
    """
    if model is None:
        return
    place = results / "devices" / name
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        mine = place.with_name(f".{name}.{os.uname().nodename}.{os.getpid()}")
        mine.write_text(f"{model}\n")
        try:
            os.link(mine, place)  # whole, and of the first only
        except FileExistsError:
            pass
        finally:
            mine.unlink()
    settled = place.read_text().strip()
    if settled != model:
        raise devices.WrongDevice(
            f"this study's {name} began on {settled}, and this is {model}; its replicates share the model: name nodes "
            "of one kind to the scheduler (slurm/site.yaml), or add a hardware of your own to the catalog (to begin "
            f"anew, delete {place} and the replicates)"
        )


def nodes(results: Path, name: str) -> list[str]:
    """The nodes on which jobs of a hardware found another device than theirs."""
    place = _folder(results, name)
    return sorted(path.name for path in place.iterdir()) if place.is_dir() else []


def _folder(results: Path, name: str) -> Path:
    return results / "refused" / name
