"""Replicates are trained, stopped, resumed and replayed on a machine with a CUDA runtime and no GPU."""

import json
import subprocess
from pathlib import Path

import pytest
from null_machine import NullMachine
from test_steps import mutated

STUDY = """
name: nullcuda
seed: 1
cells:
  - {hardware: [%s], tasks: [null-digits], noise: [%s], replicates: 2}
tasks:
  null-digits: {like: smallcnn_dropout-digits, epochs: 2, schedule: [[1, 0.1]]}
"""
SOURCES = "algo_impl, algo, impl, control, init, order, augment, dropout"
CARDS = {
    "h100": NullMachine(),
    "h200_amp": NullMachine("NVIDIA H200", 141),
    "v100@here": NullMachine("Tesla V100-SXM2-16GB", 16, capability="7.0"),
    "rtx5000_amp@here": NullMachine("Quadro RTX 5000", 10, capability="7.5"),
}


def train(
    folder: Path, datasets: Path, hardware: str, noise: str = "control", package: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Train the replicates of a small study on the card of a hardware entry."""
    (folder / "null.yaml").write_text(STUDY % (hardware, noise))
    options = ["--hardware", hardware, "--replicates", "0-1", "--datasets", datasets, "--results", folder / "results"]
    command = ["-m", "noisegrid", "train", folder / "null.yaml", *options, "--output", folder / "chunk.json"]
    # the card's locks are in a folder of the test's own, so that tests do not wait for each other
    return CARDS[hardware].run(*command, package=package, TMPDIR=str(folder), NULLCUDA_SUMMARY="1")


@pytest.mark.slow
@pytest.mark.parametrize("hardware", CARDS)
def test_every_source_trains_on_every_card_and_precision(tmp_path: Path, datasets: Path, hardware: str) -> None:
    done = train(tmp_path, datasets, hardware, SOURCES)
    assert done.returncode == 0, done.stdout
    records = [json.loads(path.read_text()) for path in tmp_path.glob("results/nullcuda/replicates/**/record.json")]
    assert len(records) == 2 * len(SOURCES.split(","))
    assert {record["device"]["model"] for record in records} == {CARDS[hardware].name}


def test_cuda_before_the_fork_fails(tmp_path: Path, datasets: Path) -> None:
    old = "    pool = Pool("
    package = mutated(tmp_path, "training/job.py", old, f"    torch.zeros(1, device='cuda')\n    {old}")
    done = train(tmp_path, datasets, "h100", package=package)
    assert done.returncode != 0
    assert "re-initialize CUDA in forked subprocess" in done.stdout
