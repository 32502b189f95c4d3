"""Metrics that the reference (the paper's published code) defines differently from noisegrid; see docs/metrics.md."""

import numpy as np

from noisegrid.stats.pairs import churn_matrix, pair_mean

Array = np.ndarray


def reference_std(values: Array) -> float:
    """Return the standard deviation over replicates with ddof 0, as the reference computes it.

    With ten replicates, this value underestimates the true standard deviation by 7.7 % on average.
    """
    return float(np.std(values - values[0]))


def reference_agreement(midpoint_predictions: Array) -> float:
    """Return the fraction of examples on which two replicates agree at the midpoint, averaged over pairs of replicates.

    The reference prints this agreement, but calls it churn.

    Parameters
    ----------
    midpoint_predictions : (replicates, examples)
        Predicted classes after half of the epochs.
    """
    return 1.0 - pair_mean(churn_matrix(midpoint_predictions)).value
