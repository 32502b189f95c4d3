"""Outputs of equal weights agree: classes to the bit, logits up to rounding, also where they are read in blocks."""

import numpy as np
import pytest

from noisegrid.records import predictions
from noisegrid.records.predictions import agree
from noisegrid.records.stored import StoredArray


def test_classes_and_labels_agree_to_the_bit():
    classes = np.array([0, 3, 2], np.int16)
    assert agree(classes, classes.copy())
    assert not agree(classes, np.array([0, 3, 1], np.int16)) and not agree(classes, classes[:2])


def test_logits_agree_up_to_a_thousandth_of_the_largest():
    logits = np.array([[10, 0], [5, -8]], np.float32)
    assert agree(logits, logits + np.float32(0.009)) and not agree(logits, logits + np.float32(0.02))
    assert not agree(logits, logits[:, ::-1]) and not agree(logits, np.full_like(logits, np.nan))


@pytest.mark.parametrize("block", [1, 4, 1 << 22])
def test_stored_logits_are_compared_in_blocks(tmp_path, monkeypatch, block):
    monkeypatch.setattr(predictions, "BLOCK_VALUES", block)
    logits = np.arange(10, dtype=np.float32).reshape(5, 2)
    np.save(tmp_path / "one.npy", logits)
    logits[4, 1] = 0
    np.save(tmp_path / "other.npy", logits)
    one, other = (StoredArray(tmp_path / f"{name}.npy") for name in ("one", "other"))
    assert agree(one, one) and agree(other, logits) and not agree(one, other)
