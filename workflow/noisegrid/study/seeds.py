"""The seeds of every run: independent streams from a study's root seed. Needs no torch: a reader can check them."""

import hashlib

import numpy as np

from noisegrid.study.sources import FREE, PROBES, SOURCES

Seeds = dict[str, int]


def stream(root: int, label: str) -> np.random.SeedSequence:
    """The random stream called `label` under a root seed; streams of different labels are independent.

    Source: numpy.random.SeedSequence (entropy pool of the root and the label's SHA-256).
    """
    return np.random.SeedSequence([root, int.from_bytes(hashlib.sha256(label.encode()).digest()[:16])])


def derive_seeds(root: int, task: str, noise: str, replicate: int, seed_sets: int = 1) -> Seeds:
    """One seed (53 bits, so that any JSON reader keeps it exact) per noise source of one replicate.

    Hardware is no part of a label: replicate k has the same seeds on every device, so that devices can be compared run
    by run. Held sources share one seed over all cells of the study; with several seed sets, replicate k holds those
    of set k modulo their number. A probe has a seed only where it is free.
    """
    free, seed_set = FREE[noise], replicate % seed_sets

    def seed(source: str) -> int:
        held = f"{source}/held/{seed_set}" if seed_set else f"{source}/held"
        label = f"{source}/{task}/{noise}/{replicate}" if source in free else held
        return int(stream(root, label).generate_state(1, np.uint64)[0] >> np.uint64(11))

    return {source: seed(source) for source in (*SOURCES, *PROBES) if source in free or source in SOURCES}
