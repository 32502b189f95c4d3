"""The predictions of all replicates of a cell."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid import stats
from noisegrid.common.errors import NoisegridError
from noisegrid.records.predictions import BY_EPOCH, are_values, blocks
from noisegrid.records.record import Replicate
from noisegrid.records.stored import StoredArray

Array = np.ndarray


@dataclass(frozen=True)
class Predictions:
    """The predictions of the replicates of a cell.

    Each prediction is about one unit: a test example or, if the dataset has attributes, one attribute of an example.

    Attributes
    ----------
    labels : (examples,), (examples, attributes) or (examples, values)
        The true classes, the true attributes as 0 and 1, or the true values.
    predicted, midpoint : (replicates, units), int16, or float32 for values
        Predictions after all epochs, and predictions after half of the epochs.
    logits : list of (examples, classes), float32, or None
        Logits of each replicate after all epochs, which stay on disk. None if a replicate did not keep them.
    calibration : (replicates,) or None
        Expected calibration error in percent. None for attributes, and without logits.
    by_epoch : (replicates, epochs, units), int16, or None
        Predictions after each epoch. None if a replicate did not keep them.
    groups : dict
        The arrays `group` (whether each example is in each sub-group), `group_name` and `target` (index of the target
        attribute). Empty if the dataset has no sub-groups.
    """

    labels: Array
    predicted: Array
    midpoint: Array
    logits: list[StoredArray] | None
    calibration: Array | None
    groups: dict[str, Array]
    by_epoch: Array | None = None

    @property
    def correct(self) -> Array:
        """Whether each replicate's prediction for each unit is correct, as an array of shape (replicates, units)."""
        right: Array = self.predicted == self.labels.ravel()
        return right

    @property
    def class_of(self) -> Array:
        """The class of each unit, as an array of shape (units,).

        In a dataset with attributes, the class of a unit is the index of the attribute that the unit is about.
        """
        if self.labels.ndim == 1:
            return self.labels
        return np.tile(np.arange(self.labels.shape[1]), len(self.labels))

    @property
    def classes(self) -> int:
        """The number of classes (or attributes), as far as labels, predictions and logits show it."""
        if self.labels.ndim == 2:
            return int(self.labels.shape[1])
        known = self.logits[0].shape[-1] if self.logits else 0
        return max(int(self.labels.max()) + 1, int(self.predicted.max()) + 1, known)


def load_predictions(replicates: list[Replicate]) -> Predictions:
    """Load the predictions of the replicates of a cell.

    Logits are read a few examples at a time, because all of them do not fit into memory together.

    Raises
    ------
    NoisegridError
        If a logit is NaN or infinite.
    """
    first = replicates[0].predictions()
    labels = first["label"]
    dtype = np.float32 if are_values(labels) else np.int16
    predicted, midpoint = (np.empty((len(replicates), labels.size), dtype) for _ in range(2))
    logits, calibration, epochs = list[StoredArray](), list[float](), list[Array]()
    for index, replicate in enumerate(replicates):
        arrays = replicate.predictions()
        predicted[index] = arrays["predicted"].ravel()
        midpoint[index] = arrays["midpoint_predicted"].ravel()
        _check_finite(replicate.folder, arrays)
        if "logits" in arrays:
            logits.append(arrays["logits"])
            if labels.ndim == 1:
                confidence = np.concatenate([stats.softmax(block).max(axis=1) for block in blocks(arrays["logits"])])
                right = arrays["predicted"] == labels
                calibration.append(100 * stats.expected_calibration_error(confidence, right))
        if BY_EPOCH in arrays:
            epochs.append(arrays[BY_EPOCH].reshape(len(arrays[BY_EPOCH]), -1))
    whole = len(logits) == len(replicates)
    return Predictions(
        labels=labels,
        predicted=predicted,
        midpoint=midpoint,
        logits=logits if whole else None,
        calibration=np.array(calibration) if whole and calibration else None,
        groups={key: first[key] for key in ("group", "group_name", "target") if key in first},
        by_epoch=np.stack(epochs) if len(epochs) == len(replicates) else None,
    )


def _check_finite(folder: Path, arrays: dict[str, Any]) -> None:
    """Raise NoisegridError if a logit is NaN or infinite. Training refuses such a run; older records may have one."""
    for name in ("logits", "midpoint_logits"):
        values = blocks(arrays[name]) if name in arrays else ()
        if bad := sum(int((~np.isfinite(block)).any(axis=-1).sum()) for block in values):
            raise NoisegridError(
                f"{folder}: the {name} of {bad} of {len(arrays[name])} test examples are not finite: this replicate "
                "diverged; delete its folder and run Snakemake, which trains it anew and counts it as diverged"
            )
