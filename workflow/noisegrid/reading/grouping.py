"""Which rows of a table are of the same run."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from noisegrid.reading.naming import run_columns
from noisegrid.reading.selection import texts
from noisegrid.reading.table import Table

Array = np.ndarray


class Group(NamedTuple):
    """A run: its name, its seed if it is known, and where its rows are in the table."""

    name: str
    seed: str | None
    places: Array


def groups(table: Table, seed_column: str | None) -> list[Group]:
    """Return the runs of a table, in order. Rows of the same run have the same name, the same id and the same seed."""
    names = run_columns(table)
    keys = [name for name in (*names, seed_column) if name is not None and name in table.columns]
    found: dict[tuple, list[int]] = {}
    for place, key in enumerate(zip(*(table.columns[name].tolist() for name in keys), strict=True)):
        found.setdefault(key, []).append(place)
    all_places = [np.array(places) for places in found.values()] if keys else [np.arange(len(table))]
    runs = []
    for places in all_places:
        seed = (texts(table[seed_column][places[:1]])[0] or None) if seed_column else None
        runs.append(Group(_name(table, names, places[:1], seed if len(all_places) > 1 else None), seed, places))
    return _with_seeds(runs)


def _name(table: Table, columns: list[str], place: Array, seed: str | None) -> str:
    """Return the name of the run in a row: that of the tracker, or its seed, or the file."""
    for column in columns:
        if text := texts(table[column][place])[0]:
            return text
    return table.origin if seed is None else f"seed {seed} of {table.origin}"


def _with_seeds(runs: list[Group]) -> list[Group]:
    """Add the seeds to names that several runs have."""
    counts = Counter(run.name for run in runs)
    shared = [counts[run.name] > 1 and run.seed is not None for run in runs]
    return [
        run._replace(name=f"{run.name} (seed {run.seed})") if is_shared else run
        for run, is_shared in zip(runs, shared, strict=True)
    ]
