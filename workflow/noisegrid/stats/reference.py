"""The definitions of the paper's published code, where they differ from ours (docs/metrics.md)."""

import numpy as np

from noisegrid.stats.pairs import churn_matrix, pair_mean

Array = np.ndarray


def reference_std(values: Array) -> float:
    """np.std with ddof 0: 7.7 % below the sample standard deviation for ten replicates (paper.md 1.5, item 4)."""
    return float(np.std(values - values[0]))


def reference_agreement(midpoint_predictions: Array) -> float:
    """What the artifact prints as churn: mean *agreement* over pairs, after half of the epochs (items 1 and 2)."""
    return 1.0 - pair_mean(churn_matrix(midpoint_predictions)).value
