"""Agreement between accelerators: the same replicate, with the same seeds, on two kinds of hardware.

Churn within a hardware says how much two of its runs differ; churn across says how much moving a run elsewhere changes
it. Replicates of one number share every seed (hardware is no part of it), so each number gives one independent pair.

Reads: the batch files of one task and noise source on all hardware of a study. Writes: one CSV of metrics.
Command: python -m noisegrid.across --study S --task T --noise N --batches B.json ... --results R --output X.csv
"""

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from noisegrid import metrics
from noisegrid.basics.errors import exit_on_error
from noisegrid.basics.files import write_text
from noisegrid.design.study import Cell, load_study
from noisegrid.measure import Row, csv_of, load_replicates, metric_row
from noisegrid.records.record import Replicate


def compare(first: tuple[Cell, list[Replicate]], second: tuple[Cell, list[Replicate]]) -> Iterator[Row]:
    """Churn and L2 between the replicates of equal number in two cells that differ in hardware alone."""
    by_number = [{r.record["replicate"]: r for r in replicates} for _, replicates in (first, second)]
    numbers = sorted(by_number[0].keys() & by_number[1].keys())
    churn, distance, examples = [], [], 0
    for number in numbers:
        pair = [replicates[number] for replicates in by_number]
        arrays = [replicate.predictions() for replicate in pair]
        labels = arrays[0]["label"]
        predicted = [metrics.predictions_of(a["logits"], labels) for a in arrays]
        churn.append(100 * float(np.mean(predicted[0] != predicted[1])))
        if all(replicate.has_weights for replicate in pair):
            weights = metrics.l2_matrices([replicate.weights() for replicate in pair], pair[0].parameters)
            distance.append(weights["unit"][0, 1])
        examples = len(labels)
    (cell, replicates), (other, others) = first, second
    devices = [r[0].record["device"]["model"] for r in (replicates, others)]
    software = [r[0].record["software"] for r in (replicates, others)]
    common = {
        "study": cell.study,
        "hardware": f"{cell.hardware} × {other.hardware}",
        "task": cell.task,
        "noise": cell.noise,
        "n_replicates": len(numbers),
        "n_examples": examples,
        "device": " × ".join(dict.fromkeys(devices)),
        "versions": " × ".join(dict.fromkeys(f"torch {s['torch']}, Python {s['python']}" for s in software)),
    }
    for name, unit, values in (("churn", "percent", churn), ("l2_unit", "1", distance)):
        if len(numbers) > 1 and len(values) == len(numbers):
            estimate = metrics.mean(np.array(values))
            row = metric_row(f"{name}_across_hardware", unit, estimate, "t over runs", n_pairs=len(numbers))
            yield common | row


def compare_all(loaded: list[tuple[Cell, list[Replicate]]]) -> list[Row]:
    """All pairs of cells, in the study's order."""
    return [row for pair in itertools.combinations(loaded, 2) for row in compare(*pair)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m noisegrid.across", description=__doc__)
    parser.add_argument("--study", required=True, help="a name in workflow/studies, or a path")
    parser.add_argument("--task", required=True)
    parser.add_argument("--noise", required=True)
    parser.add_argument("--batches", type=Path, nargs="+", required=True, help="batch files, named <hardware>/<task>/*")
    parser.add_argument("--results", type=Path, required=True, help="folder of all results")
    parser.add_argument("--output", type=Path, required=True, help="the CSV to write")
    options = parser.parse_args()
    cells = [c for c in load_study(options.study).cells if (c.task, c.noise) == (options.task, options.noise)]
    loaded = []
    for cell in cells:
        batches = [path for path in options.batches if path.parts[-3] == cell.hardware]
        loaded.append((cell, load_replicates(cell, batches, options.results)[0]))
    write_text(options.output, csv_of(compare_all(loaded)))


if __name__ == "__main__":
    exit_on_error(main)
