"""Replicates are trained, replayed and refused on machines with a CUDA runtime and no GPU."""

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from null_machine import NullMachine, mutated

STUDY = """
name: on_null
seed: 1
cells:
  - {hardware: ["%s"], tasks: [short-digits], noise: [%s], replicates: 2}
tasks:
  short-digits: {like: smallcnn_dropout-digits, epochs: 2, schedule: [[1, 0.1]]}
"""
SOURCES = (
    *("algo_impl", "algo", "impl", "control", "init", "order", "augment", "dropout"),
    *("autotune", "cudnn_deterministic"),
)
CARDS = {
    "h100": NullMachine(devices=2),
    "h200_amp": NullMachine("NVIDIA H200", 141),
    "rtx5000_amp@here": NullMachine("Quadro RTX 5000", 10, capability="7.5"),
}


def train(
    folder: Path, datasets: Path, hardware: str, noise: str = "control", package: Path | None = None, **more: str
) -> CompletedProcess[str]:
    """Train the replicates of a small study on the card of a hardware entry."""
    (folder / "study.yaml").write_text(STUDY % (hardware, noise))
    options = ["--hardware", hardware, "--replicates", "0-1", "--datasets", datasets, "--results", folder / "results"]
    command = ["-m", "noisegrid", "train", folder / "study.yaml", *options, "--output", folder / "chunk.json"]
    # the lock files of the cards are in a folder of the test's own, so that tests do not wait for each other
    return CARDS[hardware].run(*command, package=package, TMPDIR=str(folder), **more)


def records(folder: Path) -> list[Path]:
    return sorted(folder.glob("results/on_null/replicates/**/record.json"))


def test_a_replicate_is_recorded_with_its_card_and_replayed(tmp_path, datasets) -> None:
    done = train(tmp_path, datasets, "h100")
    assert done.returncode == 0, done.stdout
    for path in records(tmp_path):
        about = json.loads(path.read_text())["device"]
        assert (about["model"], about["memory_bytes"], about["driver"]) == ("NVIDIA H100 80GB HBM3", 80e9, "580.95.05")
        assert about["uuid"] == "GPU-00010203-0405-0607-0809-0a0b0c0d0e00"
    replayed = CARDS["h100"].run(
        *("-m", "noisegrid", "replay", records(tmp_path)[0], "--datasets", datasets), TMPDIR=str(tmp_path)
    )
    assert "computing on H100 GPU-" in replayed.stdout
    assert "recorded  " in replayed.stdout


def test_the_choice_of_a_scheduler_is_respected(tmp_path, datasets) -> None:
    done = train(tmp_path, datasets, "h100", CUDA_VISIBLE_DEVICES="1")
    assert done.returncode == 0, done.stdout
    assert "computing on" not in done.stdout  # nothing was claimed
    uuids = {json.loads(path.read_text())["device"]["uuid"] for path in records(tmp_path)}
    assert uuids == {"GPU-00010203-0405-0607-0809-0a0b0c0d0e01"}


def test_another_card_is_refused_before_training(tmp_path, datasets) -> None:
    (tmp_path / "study.yaml").write_text(STUDY % ("h200", "control"))
    options = ["--hardware", "h200", "--replicates", "0-1", "--datasets", datasets, "--results", tmp_path / "results"]
    command = ["-m", "noisegrid", "train", tmp_path / "study.yaml", *options, "--output", tmp_path / "chunk.json"]
    done = CARDS["h100"].run(*command, TMPDIR=str(tmp_path))
    assert done.returncode == 1
    assert "this job requires GPU model H200, but this machine has NVIDIA H100 80GB HBM3" in done.stdout


def test_a_variable_that_changes_the_arithmetic_is_refused(tmp_path, datasets) -> None:
    done = train(tmp_path, datasets, "h100", NVIDIA_TF32_OVERRIDE="1")
    assert done.returncode == 1
    assert "unset NVIDIA_TF32_OVERRIDE" in done.stdout
    assert records(tmp_path) == []


def test_cuda_before_the_fork_is_noticed(tmp_path, datasets) -> None:
    old = "        pool = Pool("
    package = mutated(tmp_path / "mutated", "training/job.py", old, f"        torch.zeros(1, device='cuda')\n{old}")
    done = train(tmp_path, datasets, "h100", package=package)
    assert done.returncode == 1
    assert "Cannot re-initialize CUDA in forked subprocess" in done.stdout
    assert records(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("hardware", CARDS)
def test_every_source_trains_on_every_card_and_precision(tmp_path, datasets, hardware) -> None:
    done = train(tmp_path, datasets, hardware, ", ".join(SOURCES))
    assert done.returncode == 0, done.stdout
    found = [json.loads(path.read_text()) for path in records(tmp_path)]
    assert len(found) == 2 * len(SOURCES)
    assert {record["device"]["model"] for record in found} == {CARDS[hardware].name}
    assert {record["resumed"] for record in found} == {0}
