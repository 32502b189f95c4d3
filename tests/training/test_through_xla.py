"""Training through PyTorch/XLA, on PJRT's own CPU device. Nothing here has run on a TPU.

`make test-xla` runs these tests in an environment of their own. Every run has a process of its own, because XLA reads
its switches once and does not survive a fork.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Once, noisegrid, run

pytestmark = [
    pytest.mark.xla,
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("torch_xla") is None, reason="this environment has no torch_xla; see `make test-xla`"
    ),
]

STUDY = """
name: on_xla
seed: 1
cells:
  - {hardware: [xla_cpu@here], tasks: [short-digits], noise: [control, dropout, impl], replicates: 2}
tasks:
  short-digits: {like: smallcnn_dropout-digits, epochs: 3, schedule: [[2, 0.1]]}
"""
#: Ten steps an epoch: this one is in the second.
MIDDLE = 14


def succeed(*arguments: object, **environment: str) -> str:
    done = noisegrid(*arguments, **environment)
    assert done.returncode == 0, done.stdout
    return done.stdout


def train(folder: Path, results: Path, *arguments: object, **environment: str) -> list[dict[str, Any]]:
    """Train the study's replicates by the command, and return their records, sorted by noise and replicate."""
    options = "--replicates", "0-1", "--hardware", "xla_cpu@here", "--datasets", folder / "datasets", *arguments
    succeed("train", folder / "on_xla.yaml", *options, "--results", results, "--output", results / "c", **environment)
    return [json.loads(path.read_text()) for path in sorted(results.glob("*/replicates/*/*/*/*/record.json"))]


def trained(folder: Path, *options: object) -> dict[str, Any]:
    """Train a replicate of the study in a new process, and return what on_xla.py prints."""
    script = ROOT / "tests/training/on_xla.py"
    done = run(sys.executable, "-W", "ignore", script, folder / "on_xla.yaml", folder / "datasets", *options)
    assert done.returncode == 0, done.stdout
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def folder(once: Once) -> Path:
    """A folder with the study, the prepared digits and, in results/, the replicates. Read only."""

    def make(folder: Path) -> None:
        (folder / "on_xla.yaml").write_text(STUDY)
        succeed("prepare-dataset", "digits", "--output", folder / "datasets" / "digits" / "manifest.json")
        (folder / "results").mkdir()
        train(folder, folder / "results")

    return once("on_xla", make)


def records(folder: Path, noise: str) -> list[dict[str, Any]]:
    paths = sorted(folder.glob(f"results/on_xla/replicates/*/*/{noise}/*/record.json"))
    assert len(paths) == 2
    return [json.loads(path.read_text()) for path in paths]


def test_control_is_equal_and_dropout_and_impl_are_not(folder):
    for noise, different in (("control", 1), ("dropout", 2), ("impl", 2)):
        assert len({record["weight_hash"] for record in records(folder, noise)}) == different, noise


def test_neither_the_cores_nor_the_environment_change_a_bit(folder, tmp_path):
    """Two processes side by side on one core, told of four: the size of XLA's pool comes from the record's flags."""
    again = tmp_path / "results"
    again.mkdir()
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        found = train(folder, again, "--cores", "2", NPROC="4", OMP_NUM_THREADS="2")
    finally:
        os.sched_setaffinity(0, before)
    paths = sorted(folder.glob("results/on_xla/replicates/*/*/*/*/record.json"))
    recorded = [json.loads(path.read_text()) for path in paths]
    assert [one["weight_hash"] for one in found] == [one["weight_hash"] for one in recorded]
    assert len(found) == 6


def test_a_record_names_what_computed_it(folder):
    (first, _) = records(folder, "control")
    device = first["device"]
    assert (device["kind"], device["pjrt"], first["flags"]["threads"]) == ("xla", "CPU", 1)
    assert device["torch_xla"] == "2.9.0" and len(device["xla_revision"]) == 40
    assert {record["flags"]["threads"] for record in records(folder, "impl")} <= {1, 2, 4}


def test_a_replicate_is_replayed_to_the_bit(folder):
    path = next(folder.glob("results/on_xla/replicates/*/*/dropout/1/record.json"))
    assert "same bits" in succeed("replay", path, "--datasets", folder / "datasets")


def test_resuming_in_the_middle_of_an_epoch_changes_no_bit(folder, tmp_path):
    checkpoints = "--checkpoints", tmp_path / "c"
    assert trained(folder, "dropout", 0, *checkpoints, "--stop-after", MIDDLE) == {"interrupted": True}
    found = trained(folder, "dropout", 0, *checkpoints)
    assert (found["hash"], found["resumed"]) == (records(folder, "dropout")[0]["weight_hash"], 1)


def test_images_that_stay_memory_mapped_give_the_same_bits_and_no_graph_is_compiled_after_the_first_epoch(folder):
    found = trained(folder, "control", 0, "--mapped")
    assert found["hash"] == records(folder, "control")[0]["weight_hash"]
    first, second, third = found["compiled"].values()
    # at the end of the first epoch: full batches without and with the optimiser's state, and the last, smaller batch;
    # later the mean of the losses, and the midpoint's evaluation
    assert first == 3
    assert second == third == 6


def test_mixed_precision_has_bits_of_its_own_and_repeats_them(folder):
    one, other = (trained(folder, "control", number, "--precision", "amp_bf16") for number in (0, 1))
    assert one["hash"] == other["hash"] != records(folder, "control")[0]["weight_hash"]
    assert 0 < one["loss"] < 2.4


def test_the_seed_of_pytorch_alone_does_not_reach_dropout():
    """The negative control of the seeding: torch.manual_seed leaves XLA's generator as it is."""
    script = """
import torch
from noisegrid.runtime import xla
from noisegrid.training.noise import seed_global
device = xla.start("CPU", "", 1)
def mask(seed):
    seed()
    return torch.nn.functional.dropout(torch.ones(64, device=device)).cpu().tolist()
for seed in (lambda: torch.manual_seed(1), lambda: seed_global(1), lambda: seed_global(1, "xla")):
    first, second = mask(seed), mask(seed)
    xla.sync()
    print(first == second == mask(seed))
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "True"]


def test_xla_cannot_be_started_twice_with_other_switches():
    script = "from noisegrid.runtime import xla; [xla.start('CPU', 'AVX2', n) for n in (1, 1, 2)]"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.endswith(
        "this process has started XLA with ('CPU', 'AVX2', 1), and cannot start it with ('CPU', 'AVX2', 2)"
    )
