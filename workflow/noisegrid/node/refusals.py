"""The device a job computes on; a node that turns out to have another one is noted, and avoided by the next attempt."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from noisegrid.basics.files import write_text
from noisegrid.node import devices


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


def nodes(results: Path, name: str) -> list[str]:
    """The nodes on which jobs of a hardware found another GPU than theirs."""
    place = _folder(results, name)
    return sorted(path.name for path in place.iterdir()) if place.is_dir() else []


def _folder(results: Path, name: str) -> Path:
    return results / "refused" / name
