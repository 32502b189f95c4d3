"""The arrays in predictions.npz.

Without the logits (see `keep` in a study), the file holds the predictions alone, which take less than a tenth of the
space where there are ten classes or more.
"""

from pathlib import Path

import numpy as np

Array = np.ndarray
#: The logits from which each array of predictions is computed. The file has one kind only.
LOGITS = {"predicted": "logits", "midpoint_predicted": "midpoint_logits"}
#: Names of all arrays. `group`, `group_name` and `target` exist only if the dataset has sub-groups.
KNOWN = {"example_id", "label", *LOGITS, *LOGITS.values(), "group", "group_name", "target"}


def predictions_of(logits: Array, labels: Array) -> Array:
    """Convert logits to predictions.

    Parameters
    ----------
    logits : (..., examples, classes)
        Outputs of the network.
    labels : (examples,) or (examples, attributes)
        The labels. Only the number of axes matters: one for classes, two for attributes.

    Returns
    -------
    int16 (..., examples) or (..., examples, attributes)
        The most likely class of each example or, for attributes, whether the logit of each attribute is positive.
    """
    predicted = logits.argmax(axis=-1) if labels.ndim == 1 else logits > 0
    return predicted.astype(np.int16)


def outputs(final: Array, midpoint: Array, labels: Array, keep_logits: bool) -> dict[str, Array]:
    """Return the arrays to store for the outputs of a network: logits or, if they are not kept, predictions.

    Parameters
    ----------
    final, midpoint : float32 (examples, classes)
        Logits after all epochs, and after half of the epochs.
    labels : (examples,) or (examples, attributes)
        The labels.
    keep_logits : bool
        Whether to store the logits.
    """
    logits = dict(zip(LOGITS, (final, midpoint), strict=True))
    if keep_logits:
        return {LOGITS[name]: values for name, values in logits.items()}
    return {name: predictions_of(values, labels) for name, values in logits.items()}


def read(path: Path) -> dict[str, Array]:
    """Read predictions.npz. `predicted` and `midpoint_predicted` are computed if the file has logits instead."""
    with np.load(path, allow_pickle=False) as file:
        arrays: dict[str, Array] = dict(file)
    for name, logits in LOGITS.items():
        if logits in arrays:
            arrays[name] = predictions_of(arrays[logits], arrays["label"])
    return arrays
