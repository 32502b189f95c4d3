"""The seeds of every run, drawn from independent random streams that are derived from a study's root seed.

This module does not import torch, so that the seeds can be checked without it.
"""

import hashlib

import numpy as np

from noisegrid.study.sources import FREE, PROBES, SOURCES

Seeds = dict[str, int]


def stream(root: int, label: str) -> np.random.SeedSequence:
    """Return the random stream for a root seed and a label; the streams of different labels are independent.

    The stream is a numpy.random.SeedSequence made from the root seed and the first 16 bytes of the label's SHA-256.
    """
    return np.random.SeedSequence([root, int.from_bytes(hashlib.sha256(label.encode()).digest()[:16])])


def derive_seeds(root: int, task: str, noise: str, replicate: int, seed_sets: int = 1) -> Seeds:
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

    Returns
    -------
    dict
        The seed of each source.
    """
    free, seed_set = FREE[noise], replicate % seed_sets

    def seed(source: str) -> int:
        held = f"{source}/held/{seed_set}" if seed_set else f"{source}/held"
        label = f"{source}/{task}/{noise}/{replicate}" if source in free else held
        return int(stream(root, label).generate_state(1, np.uint64)[0] >> np.uint64(11))

    return {source: seed(source) for source in (*SOURCES, *PROBES) if source in free or source in SOURCES}
