"""Differences between runs with the same seeds on two kinds of hardware.

Churn within a cell measures how much two replicates on the same hardware differ. Churn across hardware measures how
much a replicate changes when it runs on different hardware. Replicates with the same number share every seed, because
no seed depends on the hardware. Each replicate number therefore gives one pair. Pairs of one seed set are not
independent, so intervals are over seed sets.
"""

import itertools
from collections.abc import Iterator

import numpy as np

from noisegrid import stats
from noisegrid.common import versions
from noisegrid.common.notes import join_notes
from noisegrid.measuring.cell import seed_set_of
from noisegrid.measuring.rows import Row, mean_row
from noisegrid.measuring.values import tolerance_of
from noisegrid.records.record import Replicate, versions_of
from noisegrid.study.sources import ALGORITHMIC, FREE, seed_note
from noisegrid.study.study import Cell


def compare(first: tuple[Cell, list[Replicate]], second: tuple[Cell, list[Replicate]]) -> Iterator[Row]:
    """Yield churn and L2 distance between replicates with the same number, in two cells that differ only in hardware.

    Replicates whose seeds differ are not compared: cells with different numbers of seed sets share only the seeds of
    some replicates. Both metrics are left out if fewer than two replicates can be compared. L2 is also left out if any
    of the compared replicates has no weights.

    Parameters
    ----------
    first, second : tuple of Cell and list of Replicate
        Each cell with its finished replicates.

    Yields
    ------
    dict
        A row of metrics.csv: `churn_across_hardware` in percent, or `l2_unit_across_hardware`.
    """
    by_number = [{r.record["replicate"]: r for r in replicates} for _, replicates in (first, second)]
    numbers = [n for n in sorted(by_number[0].keys() & by_number[1].keys()) if _same_seeds(by_number, n)]
    churn, distance, examples = [], [], 0
    for number in numbers:
        pair = [replicates[number] for replicates in by_number]
        arrays = [replicate.predictions() for replicate in pair]
        tolerance = tolerance_of(first[0].settings.get("task", {}), arrays[0]["label"])
        predicted = np.stack([each["predicted"].ravel() for each in arrays])
        churn.append(100 * float(stats.churn_matrix(predicted, tolerance)[0, 1]))
        if all(replicate.has("weights") for replicate in pair):
            weights = stats.l2_matrices([replicate.weights() for replicate in pair], pair[0].parameters)
            distance.append(weights["unit"][0, 1])
        examples = len(arrays[0]["label"])
    (cell, replicates), (other, others) = first, second
    seed_set = seed_set_of(cell, np.array(numbers, int))
    seed_sets = len(np.unique(seed_set))
    devices = [r[0].record["device"]["model"] for r in (replicates, others)]
    software = [versions_of(r[0].record) for r in (replicates, others)]
    common = {
        "study": cell.study,
        "hardware": name_of(cell, other),
        "task": cell.task,
        "noise": cell.noise,
        "n_replicates": len(numbers),
        "seed_sets": seed_sets,
        "n_examples": examples,
        "schema": versions.METRICS,
        "device": " × ".join(dict.fromkeys(devices)),
        "versions": " × ".join(dict.fromkeys(software)),
    }
    for name, unit, values in (("churn", "percent", churn), ("l2_unit", "1", distance)):
        if len(numbers) > 1 and len(values) == len(numbers):
            row = mean_row(f"{name}_across_hardware", np.array(values), seed_set, unit=unit, n_pairs=len(numbers))
            yield common | row | {"note": join_notes(row["note"], seed_note(cell.noise, seed_sets))}


def _same_seeds(by_number: list[dict[int, Replicate]], number: int) -> bool:
    """Return whether the replicates with a number have the same seeds in both cells.

    The seed of a held `impl` does not count, because a held implementation uses none.
    """
    records = [replicates[number].record for replicates in by_number]
    used = FREE[records[0]["cell"]["noise"]] | ALGORITHMIC
    seeds = [{source: seed for source, seed in record["seeds"].items() if source in used} for record in records]
    return seeds[0] == seeds[1]


def name_of(first: Cell, second: Cell) -> str:
    """Return the name of a pair of hardware entries, as in the column `hardware` of metrics.csv."""
    return f"{first.hardware} × {second.hardware}"


def compare_all(loaded: list[tuple[Cell, list[Replicate]]]) -> list[Row]:
    """Compare every pair of cells, in the order of the study, and return the resulting rows of metrics.csv."""
    return [row for pair in itertools.combinations(loaded, 2) for row in compare(*pair)]
