"""The source `sdpa_backend` on a CPU: its switch decides which kernel attention runs, and so the bits."""

import json

import pytest
import torch
from conftest import noisegrid
from torch.utils._python_dispatch import TorchDispatchMode

from noisegrid.networks.transformers import vit
from noisegrid.runtime import failures
from noisegrid.training import noise

FLASH = "_scaled_dot_product_flash_attention_for_cpu"


class Seen(TorchDispatchMode):
    """Record the names of the operators that run."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.add(function.overloadpacket.__name__)
        return function(*args, **kwargs or {})


@pytest.fixture(autouse=True)
def _defaults():
    yield
    noise.set_switches({})


def trained(**flags):
    """Return the names of the operators of a training step, and the gradients."""
    noise.set_switches({"deterministic": True, **flags})
    torch.manual_seed(0)
    network, images = vit(10, 1, 8, 2, width=24, depth=2, heads=3), torch.rand(4, 1, 8, 8)
    with Seen() as seen:
        network(images).square().sum().backward()
    return seen.names, torch.cat([parameter.grad.flatten() for parameter in network.parameters()])


def test_the_switch_decides_which_kernel_runs():
    assert FLASH in trained(sdpa_backend="flash")[0]
    names, _ = trained(sdpa_backend="math")
    assert FLASH not in names and {"_safe_softmax", "bmm"} <= names


def test_backends_differ_in_bits_and_each_repeats_its_own():
    flash, math = trained(sdpa_backend="flash")[1], trained(sdpa_backend="math")[1]
    assert not torch.equal(flash, math)
    assert torch.allclose(flash, math, atol=1e-4)
    assert torch.equal(flash, trained(sdpa_backend="flash")[1])
    assert torch.equal(math, trained(sdpa_backend="math")[1])


def test_where_the_source_is_held_the_choice_is_pytorchs_own():
    trained(sdpa_backend="math")  # what an earlier run has set does not stay
    names, gradients = trained()
    assert FLASH in names
    enabled = (
        torch.backends.cuda.flash_sdp_enabled(),
        torch.backends.cuda.mem_efficient_sdp_enabled(),
        torch.backends.cuda.cudnn_sdp_enabled(),
        torch.backends.cuda.math_sdp_enabled(),
    )
    assert enabled == (True, True, True, True)
    assert torch.equal(gradients, trained(sdpa_backend="flash")[1])


def test_attention_that_a_backend_cannot_compute_is_a_sentence():
    noise.set_switches({"sdpa_backend": "flash"})
    queries = torch.rand(1, 1, 4, 8)
    # PyTorch's fused kernel for the CPU has no dropout, and a warning says so
    with pytest.warns(UserWarning), pytest.raises(RuntimeError) as caught:
        torch.nn.functional.scaled_dot_product_attention(queries, queries, queries, dropout_p=0.5)
    assert "the SDPA backend of this replicate cannot compute" in failures.sentence(caught.value)
    assert failures.sentence(RuntimeError("another failure")) == ""


#: Two epochs of a small transformer, as a study of a user states them.
STUDY = """
name: attention
seed: 1
cells:
  - {hardware: [cpu], tasks: [small-digits], noise: [sdpa_backend, control], replicates: 4, seed_sets: 2}
tasks:
  small-digits:
    like: vit_tiny-digits
    network_options: {patch: 2, width: 24, depth: 2}
    epochs: 2
"""


@pytest.mark.slow
def test_a_cell_has_every_backend_in_every_seed_set_and_each_replays(tmp_path, datasets):
    (tmp_path / "study.yaml").write_text(STUDY)
    options = ["--hardware", "cpu", "--replicates", "0-3", "--datasets", datasets, "--results", tmp_path]
    done = noisegrid("train", tmp_path / "study.yaml", *options, "--output", tmp_path / "chunk.json")
    assert done.returncode == 0, done.stdout
    paths = sorted(tmp_path.glob("attention/replicates/cpu/small-digits/*/*/record.json"))
    found = {tuple(path.parts[-3:-1]): json.loads(path.read_text()) for path in paths}
    backends = [found["sdpa_backend", str(number)]["flags"]["sdpa_backend"] for number in range(4)]
    hashes = [found["sdpa_backend", str(number)]["weight_hash"] for number in range(4)]
    held = [found["control", str(number)] for number in range(4)]
    assert backends == ["flash", "flash", "math", "math"]  # replicates 0 and 2 share held seeds, and so do 1 and 3
    assert len(set(hashes)) == 4
    assert [record["weight_hash"] for record in held] == [*hashes[:2], *hashes[:2]]  # PyTorch's own choice is flash
    assert not any("sdpa_backend" in record["flags"] for record in held)
    (math,) = (path for path in paths if path.parts[-3:-1] == ("sdpa_backend", "2"))
    replayed = noisegrid("replay", math, "--datasets", datasets)
    assert replayed.returncode == 0 and "same bits" in replayed.stdout
