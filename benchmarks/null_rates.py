"""How often the tests of classes against the independent-error null are wrong, and how often their interval is right.

    python benchmarks/null_rates.py [CELLS [TRUTH]]

Simulates CELLS cells (1,000 by default) per line, with 60 test examples per class, through the rows of measuring. The
truths: independent errors; one class that varies by itself; a skill of each run that all classes share. Prints lines of
a table for benchmarks/README.md.
"""

import sys
from unittest import mock

import numpy as np

from noisegrid.measuring.classes import class_rows
from noisegrid.stats import null

IMAGES = 60
#: Number of classes, and standard deviations on the logit scale: of all classes together, and of class 0 alone.
TRUTHS = {
    "independent errors": (10, 0.0, 0.0),
    "one class varies": (10, 0.0, 1.0),
    "all classes share": (10, 0.4, 0.0),
    "50 classes share": (50, 0.8, 0.0),
}


def simulated(rng: np.random.Generator, labels: np.ndarray, runs: int, shared: float, alone: float) -> np.ndarray:
    """Return whether each run is right on each image."""
    effect = rng.normal(0, shared, (runs, 1)) + rng.normal(0, alone, (runs, 1)) * (labels == 0)
    return rng.random((runs, len(labels))) < 1 / (1 + np.exp(-rng.normal(2.5, 1.5, len(labels)) - effect))


def line(truth: str, runs: int, cells: int) -> str:
    """Simulate the cells of one truth, and return their rates as a line of a table."""
    classes, *effects = TRUTHS[truth]
    labels = np.arange(classes * IMAGES) % classes
    familywise, discovered, false, count, low, high = np.empty((6, cells))
    for seed in range(cells):
        rng = np.random.default_rng([seed, runs])
        rows = list(class_rows(simulated(rng, labels, runs, *effects), labels, np.zeros(runs, int), rng))
        whole = {row["metric"]: row for row in rows if row["group"] == "all"}
        noted = [row["group"] for row in rows if row["metric"] == "class_std_over_null" and row["note"]]
        above = whole["classes_above_null"]
        familywise[seed] = whole["class_std_over_null_max"]["p"] <= 0.05
        discovered[seed] = len(noted) > 0
        false[seed] = sum(truth == "independent errors" or name != "class 0" for name in noted) / max(1, len(noted))
        count[seed], low[seed], high[seed] = above["value"], above["low"], above["high"]
    covered = ((low <= count.mean()) & (count.mean() <= high)).mean()
    share = "" if effects[0] else f"{false.mean():.3f}"
    return (
        f"| {truth} | {runs} | {familywise.mean():.3f} | {discovered.mean():.3f} | {share} "
        f"| {count.mean():.2f} ± {count.std():.2f} | {covered:.3f} | {(high - low).mean():.1f} |"
    )


if __name__ == "__main__":
    with mock.patch.object(null, "NULL_WORK", 1):  # 200 permutations per cell
        for name in sys.argv[2:] or TRUTHS:
            for size in (3, 5, 10):
                print(line(name, size, int(sys.argv[1]) if sys.argv[1:] else 1000), flush=True)
