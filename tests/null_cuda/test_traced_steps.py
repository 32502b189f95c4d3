"""`noisegrid diverge` on a GPU: operations of a step are recorded, and their hashes are computed on the device.

The null runtime computes nothing, so that outputs cannot differ; the settings and the operations can.
"""

import json

import pytest
from null_machine import NullMachine


@pytest.mark.slow
@pytest.mark.parametrize(("change", "code", "words"), [
    ("deterministic=false", 0, "no divergence in 2 steps, and in 91 operations of step 0"),
    ("precision=amp_bf16", 3, "step 0, forward of `0`: only B runs `_to_copy`"),
])  # fmt: skip
def test_two_settings_are_compared_on_a_gpu(datasets, change, code, words) -> None:
    options = ["--hardware", "h100", "--datasets", datasets, "--steps", 2, "--json"]
    done = NullMachine().run("-m", "noisegrid", "diverge", "--task", "smallcnn_bn-digits", *options, "--b", change)
    assert done.returncode == code, done.stdout
    found = json.loads(done.stdout)
    assert found["sentence"].startswith(words)
    assert found["a"]["device"]["model"] == "NVIDIA H100 80GB HBM3"
