"""Rows on ensembles: the accuracy and the churn of the mean prediction of k runs, from stored logits."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy.special import expit

from noisegrid import stats
from noisegrid.measuring.predictions import Predictions
from noisegrid.measuring.rows import Row, mean_row, metric_row
from noisegrid.records.predictions import blocks

Array = np.ndarray
#: The sizes of ensembles. A cell needs at least two ensembles of a size, which share no run.
SIZES = (2, 3, 5)


def ensemble_rows(found: Predictions, seed_set: Array) -> Iterator[Row]:
    """Yield rows with the accuracy and the churn of ensembles of several sizes.

    An ensemble predicts from the mean of the probabilities of its runs. Ensembles of one size share no run, so the
    intervals treat them as independent. There are no rows without logits, and for cells with several seed sets, whose
    runs share held seeds.

    Parameters
    ----------
    found : Predictions
        The predictions of the replicates of a cell.
    seed_set : (replicates,)
        Index of the seed set of each replicate.
    """
    if found.logits is None or len(np.unique(seed_set)) > 1:
        return
    for size in SIZES:
        count = len(found.logits) // size
        if count < 2:
            continue
        predicted = np.stack(
            [_predicted(found.logits[start * size : (start + 1) * size], found.labels) for start in range(count)]
        )
        correct, group = predicted == found.labels.ravel(), f"k = {size}"
        one_set = np.zeros(count, dtype=int)
        row = mean_row("ensemble_accuracy", 100 * correct.mean(axis=1), one_set, group)
        yield row | {"note": f"{count} ensembles", "interval": row["interval"] and "t over ensembles"}
        churn = stats.pair_mean(100 * stats.churn_matrix(predicted))
        pairs = count * (count - 1) // 2
        yield metric_row("ensemble_churn", "percent", churn, "jackknife over ensembles", group, n_pairs=pairs)


def _predicted(logits: Sequence[Any], labels: Array) -> Array:
    """Return the predictions of one ensemble for all units."""
    parts = []
    for together in zip(*(blocks(one) for one in logits), strict=True):
        if labels.ndim == 2:  # attributes
            parts.append((np.mean([expit(block) for block in together], axis=0) > 0.5).ravel())
        else:
            parts.append(np.mean([stats.softmax(block) for block in together], axis=0).argmax(axis=1))
    return np.concatenate(parts).astype(np.int16)
