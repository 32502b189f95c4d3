"""What a run of a function gave, and the files in which another process hands it over."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from noisegrid.divergence import trace
from noisegrid.divergence.trace import Trace, Value
from noisegrid.testing.values import Bits, Entry


@dataclass(frozen=True)
class Run:
    """What a run of a function gave.

    Attributes
    ----------
    traces : tuple of Trace
        For each step, its operations; all of them have the states before every step and after the last one.
    returned : dict
        What a function without a state returned, by name.
    """

    traces: tuple[Trace, ...]
    returned: dict[str, Entry]


def write(folder: Path, run: Run) -> None:
    """Write a run: a trace for each step, and the entries with their bits."""
    for step, one in enumerate(run.traces):
        trace.write(folder / f"{step}.trace", one)
    arrays = {str(place): one.bits for place, one in enumerate(run.returned.values()) if isinstance(one, Bits)}
    np.savez(folder / "bits.npz", allow_pickle=False, **arrays)
    entries = [[name, asdict(one.value) if isinstance(one, Bits) else one] for name, one in run.returned.items()]
    (folder / "entries.json").write_text(json.dumps({"steps": len(run.traces), "entries": entries}))


def read(folder: Path) -> Run:
    """Read what `write` wrote."""
    found = json.loads((folder / "entries.json").read_text())
    with np.load(folder / "bits.npz", allow_pickle=False) as bits:
        returned = {
            name: Bits(Value(**one | {"shape": tuple(one["shape"]), "sample": ()}), bits[str(place)])
            if isinstance(one, dict)
            else one
            for place, (name, one) in enumerate(found["entries"])
        }
    return Run(tuple(trace.read(folder / f"{step}.trace") for step in range(found["steps"])), returned)
