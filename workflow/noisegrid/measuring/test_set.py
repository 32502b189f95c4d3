"""Rows on how much of the spread of accuracy is about the images of this test set."""

import math
from collections.abc import Iterator

import numpy as np

from noisegrid import stats
from noisegrid.measuring.predictions import Predictions
from noisegrid.measuring.rows import Row, metric_row, units
from noisegrid.stats import Estimate

Array = np.ndarray


def test_set_rows(found: Predictions, seed_set: Array) -> Iterator[Row]:
    """Yield rows on how much of the spread of accuracy is about the images of this test set.

    They have the standard deviation that would remain on an infinite test set and the share of the variance that would
    vanish: overall, for each class and for each sub-group (of the target attribute's accuracy). A further row has what
    the sampling of the test examples adds to the interval of the mean accuracy.

    Parameters
    ----------
    found : Predictions
        The predictions.
    seed_set : (replicates,)
        Index of the seed set of each replicate.
    """
    correct = found.correct.reshape(-1, *found.labels.shape)
    # an image is one draw, not an attribute
    images = correct if correct.ndim == 2 else correct.mean(axis=2, dtype=np.float32)
    yield from _test_set_rows("all", images, seed_set)
    yield metric_row("accuracy_sampling_error", "percentage points", 100 * stats.sampling_error(images))
    for index in range(found.classes):
        part = correct[:, found.labels == index] if correct.ndim == 2 else correct[:, :, index]
        yield from _test_set_rows(f"class {index}", part, seed_set)
    for name, mask in zip(
        found.groups.get("group_name", ()), found.groups.get("group", np.empty((0, 0))).T, strict=True
    ):
        yield from _test_set_rows(str(name), correct[:, mask.astype(bool), int(found.groups["target"])], seed_set)


def _test_set_rows(group: str, correct: Array, seed_set: Array) -> Iterator[Row]:
    """Yield the standard deviation that would remain on an infinite test set, and the share that would vanish."""
    split = stats.split_by_test_set(correct, seed_set)
    note = share_note = ""
    if math.isnan(split.variance):
        reason = "no seed set has two runs" if correct.shape[1] > 1 else f"{correct.shape[1]} test examples"
        note = share_note = f"undefined: {reason}"
    elif split.variance < 0:
        note = f"the estimate of the variance is negative ({1e4 * split.variance:.3g} squared percentage points)"
        share_note = "above 1 because the estimate of the remaining variance is negative"
    if math.isnan(split.share.value) and not math.isnan(split.variance):
        share_note = "undefined: all runs have the same accuracy"
    value, low, high = (100 * end for end in split.std[:3])
    std = Estimate(value, low, high, freedom=split.std.freedom)
    interval = f"chi-square over {units(seed_set)}"
    yield metric_row("accuracy_std_distribution", "percentage points", std, interval, group, note=note)
    yield metric_row("test_set_share", "1", split.share, interval, group, note=share_note)
