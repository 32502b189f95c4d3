"""Calibration of one replicate."""

import numpy as np

Array = np.ndarray


def softmax(logits: Array) -> Array:
    """Probabilities along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: Array = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities


def expected_calibration_error(probabilities: Array, labels: Array, bins: int = 15) -> float:
    """ECE of one replicate, probabilities (examples, classes): gap between confidence and accuracy, in equal-width
    bins of confidence, weighted by their share of the examples (Guo et al., ICML 2017)."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(index, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))
