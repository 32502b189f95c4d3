"""The comparison of two methods of a study, which are two cells that differ in their task."""

from collections.abc import Iterator

import numpy as np

from noisegrid import stats
from noisegrid.common import versions
from noisegrid.common.errors import NoisegridError
from noisegrid.common.notes import join_notes
from noisegrid.measuring.cell import seed_set_of
from noisegrid.measuring.rows import Row, metric_row
from noisegrid.records.record import Replicate, versions_of
from noisegrid.study.sources import seed_note
from noisegrid.study.study import Cell, Versus, digest

Array = np.ndarray


def compare(versus: Versus, first: tuple[Cell, list[Replicate]], second: tuple[Cell, list[Replicate]]) -> Iterator[Row]:
    """Yield the rows that compare two methods. They are rows of the second method, with the group `vs FIRST`.

    Parameters
    ----------
    versus : Versus
        The comparison.
    first, second : tuple of Cell and list of Replicate
        The cells of both methods, each with its finished replicates.

    Raises
    ------
    NoisegridError
        If the methods were not tested on the same images.
    """
    (cell, replicates), (other, others) = first, second
    labels = [found[0].predictions()["label"] for found in (replicates, others)]
    if not np.array_equal(labels[0], labels[1]):
        raise NoisegridError(
            f"{cell.path} and {other.path} were tested on different images, so they cannot be compared; remove the "
            "comparison from the key versus of the study"
        )
    numbers = [np.array([replicate.record["replicate"] for replicate in found]) for found in (replicates, others)]
    common = {
        "study": other.study,
        "hardware": other.hardware,
        "task": other.task,
        "noise": other.noise,
        "group": f"vs {cell.task}",
        "n_replicates": min(len(replicates), len(others)),
        "n_examples": len(labels[0]),
        "device": others[0].record["device"]["model"],
        "versions": versions_of(others[0].record),
        "schema": versions.METRICS,
    }
    first_set, second_set = (seed_set_of(*each) for each in zip((cell, other), numbers, strict=True))
    rng = np.random.default_rng(int(digest([cell.settings, other.settings]), 16))
    correct, others_correct = correct_shares(replicates), correct_shares(others)
    for row in versus_rows(versus, correct, others_correct, first_set, second_set, rng):
        yield row | common


def correct_shares(replicates: list[Replicate]) -> Array:
    """Return the share of correct predictions of each replicate for each image, as an array (replicates, images).

    Without attributes, each image has one prediction, and the share is 0 or 1.
    """
    found = []
    for replicate in replicates:
        arrays = replicate.predictions()
        right = arrays["predicted"] == arrays["label"]
        found.append(right.reshape(len(right), -1).mean(axis=1, dtype=np.float32))
    return np.stack(found)


def versus_rows(
    versus: Versus, first: Array, second: Array, first_set: Array, second_set: Array, rng: np.random.Generator
) -> Iterator[Row]:
    """Yield the rows that compare two methods, without the columns that have the same value in all of them.

    Seeds match where both cells have the same seed sets, several of them: runs of set k have the same held seeds in
    both. The sets are then compared in pairs. The seeds of free sources differ between tasks, so runs are never paired.

    Parameters
    ----------
    versus : Versus
        The comparison.
    first, second : (runs, images)
        The share of correct predictions, from 0 to 1.
    first_set, second_set : (runs,)
        Index of the seed set of each run.
    rng : numpy.random.Generator
        Source of the random numbers for the bootstrap.
    """
    kinds = [np.unique(each) for each in (first_set, second_set)]
    several = min(map(len, kinds)) > 1
    paired = several and np.array_equal(kinds[0], kinds[1]) and not versus.unpaired
    accuracy, other = (100 * correct.mean(axis=1, dtype=float) for correct in (first, second))
    found = stats.compare_methods(accuracy, other, rng, (first_set, second_set), paired, versus.margin)
    units = "sets" if several else "runs"
    test = f"{'paired' if paired else 'Welch'} t over {units}"
    note = seed_note(versus.noise, min(map(len, kinds)))
    if found.smallest < 1e-9:
        note = join_notes(note, f"width zero: the {units} agree exactly")
    rows = [
        metric_row("versus_difference", "percentage points", found.difference, test, note=note),
        metric_row("versus_smallest", "percentage points", found.smallest),
        metric_row("versus_margin", "percentage points", versus.margin),
        metric_row("versus_sampling_error", "percentage points", 100 * stats.sampling_error(first, second)),
        metric_row("versus_superiority", "1", found.superiority, f"Newcombe over {units}"),
        metric_row("versus_violation", "1", found.violation, f"bootstrap over {units}"),
        metric_row(
            "versus_further_units",
            "count",
            np.nan if found.more is None else found.more,
            note=f"further {units} per method" if found.more is not None else "undefined: no number decides",
        ),
    ]
    for row in rows:
        yield row | {"seed_sets": min(map(len, kinds))}
