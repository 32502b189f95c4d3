"""Rows on how accuracy, its spread and churn develop over the epochs, from the predictions after each epoch."""

from collections.abc import Iterator

import numpy as np

from noisegrid import stats
from noisegrid.measuring.predictions import Predictions
from noisegrid.measuring.rows import Row, mean_row, metric_row, units

Array = np.ndarray


def epoch_rows(found: Predictions, seed_set: Array) -> Iterator[Row]:
    """Yield the mean accuracy, the standard deviation of accuracy and the churn after each epoch.

    There are no rows unless all replicates kept their predictions after each epoch.

    Parameters
    ----------
    found : Predictions
        The predictions of the replicates of a cell.
    seed_set : (replicates,)
        Index of the seed set of each replicate.
    """
    if found.by_epoch is None:
        return
    together = seed_set[:, None] == seed_set
    pairs = int(np.triu(together, 1).sum())
    for epoch in range(found.by_epoch.shape[1]):
        predicted, group = found.by_epoch[:, epoch], f"epoch {epoch + 1}"
        accuracy = 100 * (predicted == found.labels.ravel()).mean(axis=1)
        yield mean_row("epoch_accuracy_mean", accuracy, seed_set, group)
        std = stats.std(accuracy, seed_set)
        yield metric_row("epoch_accuracy_std", "percentage points", std, "chi-square", group)
        if pairs:
            churn = stats.pair_mean(100 * stats.churn_matrix(predicted), together, seed_set)
            how = f"jackknife over {units(seed_set)}"
            yield metric_row("epoch_churn", "percent", churn, how, group, n_pairs=pairs)
