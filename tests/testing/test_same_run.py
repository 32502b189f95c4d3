"""Two runs that are equal, and two that are not: weights in memory and in files, traces, and replicates."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT
from factories import record_of
from safetensors.torch import save_file
from torch import nn

import noisegrid
from noisegrid.common.errors import NoisegridError
from noisegrid.records import record
from noisegrid.study.resolve import load_study
from noisegrid.testing import assert_same_run
from noisegrid.testing.same_run import READERS

#: The distance of one ULP of 1.0 in float32 is 2^-23, which is 8.4e-08 of the norm of two ones.
SENTENCE = "1 of 2 entries differs, first `layer.bias`: 1 ULP in 1 of 2 values, relative 8.4e-08"


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    return {"layer.weight": torch.arange(6.0).reshape(2, 3), "layer.bias": torch.ones(2)}


def moved(weights):
    """Return a copy with one value of the bias one unit in the last place higher."""
    return weights | {"layer.bias": torch.tensor([1, 1 + 2**-23])}


def stored(path: Path, weights) -> Path:
    """Write weights in the format that the name of the file says."""
    if path.suffix == ".safetensors":
        save_file(weights, path)
    elif path.suffix == ".npz":
        np.savez(path, **{name: tensor.numpy() for name, tensor in weights.items()})
    else:
        torch.save(weights, path)
    return path


@pytest.mark.parametrize("name", ["a.pt", "a.pth", "a.ckpt", "a.bin", "a.npz", "a.safetensors"])
def test_files_of_weights(weights, tmp_path, name):
    path = stored(tmp_path / name, weights)
    other = stored(tmp_path / f"other_{name}", moved(weights))
    assert_same_run(path, path)
    assert_same_run(str(path), weights)
    for b in (other, moved(weights)):
        with pytest.raises(AssertionError) as error:
            assert_same_run(path, b)
        assert str(error.value) == SENTENCE


def test_the_page_shows_this_sentence():
    assert f"AssertionError: {SENTENCE}\n" in (ROOT / "docs/pytest.md").read_text()


def test_an_array_in_a_file(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3))
    assert_same_run(tmp_path / "a.npy", np.arange(3))
    with pytest.raises(AssertionError, match=r"^the result: other bits in 2 of 3 values$"):
        assert_same_run(tmp_path / "a.npy", np.zeros(3, int))
    tested = {".npy", ".pt", ".pth", ".ckpt", ".bin", ".npz", ".safetensors"}
    assert set(READERS) == tested


def test_modules_and_their_state_dicts():
    layer = nn.Linear(3, 2)
    assert_same_run(layer, layer.state_dict())
    with pytest.raises(AssertionError, match=r"^2 of 2 entries differ, first `weight`: "):
        assert_same_run(layer, nn.Linear(3, 2))


def test_a_checkpoint_with_an_optimiser(tmp_path):
    network = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9)
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    saved = {"model": network.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    torch.save(saved, tmp_path / "a.pt")
    torch.save(saved | {"epoch": 4}, tmp_path / "b.pt")
    assert_same_run(tmp_path / "a.pt", {"model": network, "optimizer": optimizer, "epoch": 3})
    with pytest.raises(AssertionError, match=r"^1 of \d+ entries differs, first `epoch`: 3 against 4$"):
        assert_same_run(tmp_path / "a.pt", tmp_path / "b.pt")


def test_traces(tmp_path):
    layer, inputs = nn.Linear(3, 2), torch.ones(1, 3)
    for name, factor in (("a", 1.0), ("same", 1.0), ("b", 2.0)):
        with noisegrid.tracing(tmp_path / f"{name}.trace", layer):
            layer(inputs * factor)
    assert_same_run(tmp_path / "a.trace", tmp_path / "same.trace")
    with pytest.raises(AssertionError, match=r"^step 0, forward: `mul` has other arguments \(1.0 against 2.0\)\n\n"):
        assert_same_run(tmp_path / "a.trace", tmp_path / "b.trace")


def replicate(folder: Path, weights=(0, 1, 2), predicted=(0, 1, 1), **changes) -> Path:
    """Write a replicate that was never trained; without weights, the study keeps none."""
    arrays = {"label": np.zeros(3, np.int32), "predicted": np.array(predicted, np.int16)}
    kept = {"weights": np.array(weights, np.float32)} if len(weights) else {}
    document = record_of(load_study("quick").cells[0]) | changes
    record.write(folder, document, arrays | {"midpoint_predicted": arrays["predicted"]}, kept, [{"epoch": 0}])
    return folder


def test_equal_replicates_pass(tmp_path):
    first, second = replicate(tmp_path / "0"), replicate(tmp_path / "1")
    assert_same_run(first, second)
    assert_same_run(first / "record.json", str(second))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"weights": (0, 1, 2 + 2**-22), "weight_hash": "1" * 64},
            "2 of 6 entries differ, first `w`: 1 ULP in 1 of 3 values, relative 1.1e-07",
        ),
        ({"weights": (), "weight_hash": "1" * 64}, "first `final weights`: '000"),
        ({"initial_weight_hash": "1" * 64}, "1 of 6 entries differs, first `initial weights`: '000"),
        ({"predicted": (0, 1, 2)}, "2 of 6 entries differ, first `predictions."),
        ({"weight_hash": "1" * 64, "flags": {"threads": 2}}, "; threads 1 against threads 2\n"),
    ],
)
def test_replicates_that_differ(tmp_path, changes, sentence):
    first, second = replicate(tmp_path / "0"), replicate(tmp_path / "1", **changes)
    with pytest.raises(AssertionError) as error:
        assert_same_run(first, second)
    said = str(error.value)
    assert sentence in said
    assert said.endswith(f"\n\n`noisegrid diverge {first} {second}` runs both again and names the first operation")


def test_a_damaged_replicate_is_refused(tmp_path):
    first, second = replicate(tmp_path / "0"), replicate(tmp_path / "1")
    (second / "weights.npy").write_bytes(b"")
    with pytest.raises(NoisegridError, match=r"weights.npy does not match its record"):
        assert_same_run(first, second)


class Opened:
    """An object that no file of weights may have: reading it fails the test."""

    def __setstate__(self, state):
        pytest.fail("the object was made")


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("bad.pt", "name a file of tensors or arrays alone, without other objects"),
        ("bad.npy", "name a file of tensors or arrays alone, without other objects"),
        ("broken.npz", "cannot read"),
        ("missing.safetensors", "cannot read"),
        ("missing.trace", "cannot read"),
        ("folder", "has no record.json; name the folder of a replicate, or a file"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path, path, sentence):
    torch.save({"a": Opened()}, tmp_path / "bad.pt")
    np.save(tmp_path / "bad.npy", np.array([Opened()], object), allow_pickle=True)
    (tmp_path / "broken.npz").write_bytes(b"PK")
    (tmp_path / "folder").mkdir()
    with pytest.raises(NoisegridError) as error:
        assert_same_run(tmp_path / path, tmp_path / path)
    said = str(error.value)
    assert sentence in said and path in said and "\n" not in said


def test_two_kinds_are_not_compared(tmp_path, weights):
    with pytest.raises(
        NoisegridError, match=r"a.trace is a trace, and a value of type dict is a set of weights; compare"
    ):
        assert_same_run(tmp_path / "a.trace", weights)
