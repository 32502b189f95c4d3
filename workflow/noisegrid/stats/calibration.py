"""The calibration of one replicate: how well the confidence of its predictions matches their accuracy."""

import numpy as np

Array = np.ndarray


def softmax(logits: Array) -> Array:
    """Convert logits to probabilities along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: Array = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities


def expected_calibration_error(confidence: Array, right: Array, bins: int = 15) -> float:
    """Compute the expected calibration error of one replicate.

    The examples are divided into bins by the confidence of their predictions. In each bin, the absolute difference
    between mean confidence and accuracy is computed. The error is the mean of these differences, in which each bin is
    weighted by its share of the examples.

    Parameters
    ----------
    confidence : (examples,)
        The largest predicted probability of each example.
    right : bool (examples,)
        Whether each prediction is correct.
    bins : int
        Number of confidence bins. All bins have the same width.

    References
    ----------
    Guo et al., On calibration of modern neural networks, ICML 2017.
    """
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(index, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(right))
