"""Metrics as the paper's published code defines them, where its definitions differ from ours (docs/metrics.md)."""

import numpy as np

from noisegrid.stats.pairs import churn_matrix, pair_mean

Array = np.ndarray


def reference_std(values: Array) -> float:
    """Return the standard deviation over replicates with ddof 0, as the reference computes it.

    With ten replicates, this value underestimates the true standard deviation by 7.7 % on average.
    """
    return float(np.std(values - values[0]))


def reference_agreement(midpoint_predictions: Array) -> float:
    """Return the mean *agreement* over pairs of replicates at the midpoint, which the reference prints as churn.

    Parameters
    ----------
    midpoint_predictions : (replicates, examples)
        Predicted classes after half of the epochs.
    """
    return 1.0 - pair_mean(churn_matrix(midpoint_predictions)).value
