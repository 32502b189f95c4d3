"""Time and memory of the metrics of one large cell, in memory: what grows, and how.

    python benchmarks/measure_scale.py [REPLICATES EXAMPLES CLASSES PARAMETERS]

Without arguments: sizes up to 100 replicates x 50,000 examples x 1,000 classes, and 10 x ResNet-50, a process each.
Reading replicates from disk is not in these times.
"""

import resource
import subprocess
import sys
import time

import numpy as np

from noisegrid import stats
from noisegrid.measuring import cell
from noisegrid.measuring.classes import class_rows
from noisegrid.measuring.pairs import pair_rows

SIZES = [(10, 10_000, 10, 15_722), (10, 10_000, 100, 11_183_562), (100, 10_000, 100, 15_722), (100, 50_000, 1_000, 0),
         (10, 50_000, 1_000, 25_557_032)]  # fmt: skip


def run(replicates: int, examples: int, classes: int, parameters: int) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, examples)
    correct = rng.random((replicates, examples)) < rng.beta(4, 1, examples)
    predicted = np.where(correct, labels, (labels + 1) % classes).astype(np.int16)
    sample = stats.logit_sample(replicates, (examples, classes))
    logits = rng.standard_normal((replicates, len(sample), classes), dtype=np.float32)
    weights = [rng.standard_normal(parameters, dtype=np.float32) for _ in range(replicates)] if parameters else []
    seed_set = np.zeros(replicates, int)
    began = time.perf_counter()
    rows = [
        *cell.accuracy_rows(correct, np.arange(replicates), seed_set),
        *pair_rows(predicted, logits, np.arange(replicates), seed_set),
        *class_rows(correct, labels, seed_set, rng),
    ]
    middle = time.perf_counter()
    if weights:
        stats.l2_matrices(weights, parameters)
    ended = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"| {replicates} | {examples:,} | {classes:,} | {parameters:,} | {len(rows)} "
        f"| {middle - began:.1f} | {ended - middle:.1f} | {peak:.2f} |",
        flush=True,
    )


if __name__ == "__main__":
    if sys.argv[1:]:
        run(*map(int, sys.argv[1:5]))
    else:
        for size in SIZES:
            subprocess.run([sys.executable, __file__, *map(str, size)], check=True)  # a process each, for its own peak
