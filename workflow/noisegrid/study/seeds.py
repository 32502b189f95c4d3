"""The seeds of every run, drawn from independent random streams that are derived from a study's root seed.

This module does not import torch, so that the seeds can be checked without it.
"""

import hashlib
import math
from collections.abc import Mapping

import numpy as np

from noisegrid.study.sources import FREE, PROBES, SOURCES

Seeds = dict[str, int]


def stream(root: int, label: str) -> np.random.SeedSequence:
    """Return the random stream for a root seed and a label; the streams of different labels are independent.

    The stream is a numpy.random.SeedSequence made from the root seed and the first 16 bytes of the label's SHA-256.
    """
    return np.random.SeedSequence([root, int.from_bytes(hashlib.sha256(label.encode()).digest()[:16])])


def levels(crossed: Mapping[str, int], replicate: int) -> dict[str, int]:
    """Return the level of each source in one replicate of a crossed cell.

    Replicates 0, 1, 2, ... go through all combinations of levels. Of the sources, in the order of the registry, the
    level of the last one changes fastest.

    Parameters
    ----------
    crossed : mapping
        The number of levels of each source that is crossed.
    replicate : int
        The index of the replicate.
    """
    sources = [source for source in (*SOURCES, *PROBES) if source in crossed]
    counts = [crossed[source] for source in sources]
    return {source: replicate // math.prod(counts[place + 1 :]) % counts[place] for place, source in enumerate(sources)}


def draws(noise: str, replicate: int, crossed: Mapping[str, int] | None = None) -> dict[str, int]:
    """Return, for each free source of a replicate, the number of the draw that it gets from the source's stream.

    That is the index of the replicate or, in a crossed cell, the source's level. So replicates with the same level of a
    source have the same seed.
    """
    return levels(crossed, replicate) if crossed else dict.fromkeys(FREE[noise], replicate)


def seed_of_rank(seed: int, rank: int) -> int:
    """Return the seed of one rank, given the seed of a source. Rank 0 has the seed itself."""
    return _first(np.random.SeedSequence([seed, rank])) if rank else seed


def _first(sequence: np.random.SeedSequence) -> int:
    """Return the first 53 bits of a stream."""
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(11))


def derive_seeds(
    root: int,
    task: str,
    noise: str,
    replicate: int,
    seed_sets: int = 1,
    crossed: Mapping[str, int] | None = None,
) -> Seeds:
    """Derive the seed of every source for one replicate.

    Each seed is derived from the root seed and a text label. It has 53 bits, so that every JSON reader keeps the exact
    value. The label does not contain the hardware, so replicate k has the same seeds on every device, and devices can
    be compared run by run. The seed of a held source depends only on the root seed, the source and the seed set. With a
    single seed set, it is therefore the same in the whole study. A probe (a source that is not in the paper) has a seed
    only in cells where it is free.

    Parameters
    ----------
    root : int
        The study's root seed.
    task, noise : str
        The task and the noise of the cell.
    replicate : int
        The index of the replicate.
    seed_sets : int
        The number of seed sets; replicate k belongs to set k modulo this number.
    crossed : mapping, optional
        In a crossed cell, the number of levels of each source that is crossed.

    Returns
    -------
    dict
        The seed of each source.
    """
    free, seed_set = draws(noise, replicate, crossed), replicate % seed_sets

    def seed(source: str) -> int:
        held = f"{source}/held/{seed_set}" if seed_set else f"{source}/held"
        label = f"{source}/{task}/{noise}/{free[source]}" if source in free else held
        return _first(stream(root, label))

    return {source: seed(source) for source in (*SOURCES, *PROBES) if source in free or source in SOURCES}
