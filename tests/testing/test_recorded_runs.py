"""A run that another process hands over in files is the run."""

import numpy as np
import torch

from noisegrid.testing import run, values
from noisegrid.testing.running import run_here


def results():
    """Return one entry of every type, among them values that text would round or confuse."""
    odd = torch.tensor([float("nan"), -0.0, 1 + 2**-23])
    arrays = {
        "half": odd.half(),
        "bf16": odd.bfloat16(),
        "complex": odd * 1j,
        "bool": odd > 0,
        "empty": np.ones((0, 3)),
    }
    return {"odd": odd, "number": 0.1, "plain": [1, True, None, "text", 10**30], "": np.int8(3), **arrays}


def test_what_is_read_is_what_was_written(tmp_path):
    before = run_here(results, 1)
    run.write(tmp_path, before)
    after = run.read(tmp_path)
    assert after.traces == before.traces and len(before.traces[0].operations) > 3
    assert list(after.returned) == list(before.returned)
    assert values.differences(before.returned, after.returned) == []
    assert len(before.returned) == 13
