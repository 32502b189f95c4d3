"""Inputs of the probe: exact, full of bits, and the same whatever the switches are."""

import numpy as np
import torch

from noisegrid.fingerprint.inputs import BITS, values, whole_numbers
from noisegrid.study.seeds import stream


def test_values_are_integers_divided_by_a_power_of_two():
    found = values("x", 1000)
    scaled = found.double() * 2**BITS
    assert found.dtype == torch.float32 and torch.equal(scaled, scaled.round())
    assert found.min() < -0.9 and found.max() > 0.9
    assert torch.equal(found, values("x", 1000)) and not torch.equal(found, values("y", 1000))
    integers = np.random.default_rng(stream(0, "x")).integers(-(2**23), 2**23, 1000)
    assert [float(v) for v in found[:3]] == [int(v) / 2**23 for v in integers[:3]]


def test_sums_round_so_that_their_order_shows():
    """With short integers, every order of summation gives the same bits, and the probe would be blind."""
    found = values("x", 4096).numpy()
    assert found.cumsum()[-1] != found[::-1].cumsum()[-1]
    short = np.round(found * 256) / 256
    assert short.cumsum()[-1] == short[::-1].cumsum()[-1]


def test_labels_are_in_range():
    found = whole_numbers("labels", 10, 500)
    assert found.dtype == torch.int64 and set(found.tolist()) == set(range(10))
