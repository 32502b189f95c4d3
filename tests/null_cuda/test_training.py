"""Replicates are trained and replayed on machines with a CUDA runtime and no GPU."""

from subprocess import CompletedProcess
from typing import Any

import pytest
from null_machine import Command, mutated, run_all
from small_study import CARDS, H100, TASKS, own, record_files, records, train, training

from noisegrid.common.schemas import catalog
from noisegrid.runtime.hardware import entry
from noisegrid.study.missing import why_missing
from noisegrid.study.recipes import resolve_tasks, task_settings
from noisegrid.study.resolve import hardware_settings
from noisegrid.study.settings import Hardware, Task
from noisegrid.study.sources import NOISES


def test_a_replicate_is_recorded_with_its_card_and_replayed(tmp_path, datasets) -> None:
    done = train(tmp_path, datasets)
    assert done.returncode == 0, done.stdout
    for record in records(tmp_path):
        about = record["device"]
        assert (about["model"], about["memory_bytes"], about["driver"]) == ("NVIDIA H100 80GB HBM3", 80e9, "580.95.05")
        assert about["uuid"] == "GPU-00010203-0405-0607-0809-0a0b0c0d0e00"
    (first, _) = record_files(tmp_path)
    replayed = H100.run("-m", "noisegrid", "replay", first, "--datasets", datasets, **own(tmp_path))
    assert "computing on H100 GPU-" in replayed.stdout
    assert "recorded  " in replayed.stdout


def test_cuda_before_the_fork_is_noticed(tmp_path, datasets) -> None:
    old = "            pool = Pool("
    package = mutated(tmp_path / "mutated", "training/job.py", old, f"            torch.zeros(1, device='cuda')\n{old}")
    done = H100.run("-m", "noisegrid", *training(tmp_path, datasets), package=package, **own(tmp_path))
    assert done.returncode == 1
    assert "Cannot re-initialize CUDA in forked subprocess" in done.stdout
    assert records(tmp_path) == []


#: The noises that are trained. What `compile` runs are kernels of Triton, which the null runtime does not load. Several
#: processes train on CPUs alone.
TRAINED = [noise for noise in NOISES if noise not in ("compile", "world_size", "bucket_mb")]


def possible(hardware: str) -> dict[str, list[str]]:
    """Return the noises to train for each short task: every noise of TRAINED once, where it has an effect."""
    found: dict[str, list[str]] = {}
    settings = Hardware.of(hardware_settings(hardware, "test"))
    recipes = {
        short: Task.of(task_settings(resolve_tasks({}, "test"), catalog("datasets"), name, "test"))
        for short, name in TASKS.items()
    }
    for noise in TRAINED:
        short = next(short for short, recipe in recipes.items() if not why_missing(noise, recipe, settings))
        found.setdefault(short, []).append(noise)
    return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory, datasets) -> dict[str, tuple[CompletedProcess[str], list[dict[str, Any]]]]:
    """The outcome of one replicate of every noise on each card, and the records."""
    folders = {hardware: tmp_path_factory.mktemp("trained") for hardware in CARDS}
    commands = [
        Command(machine, training(folder, datasets, possible(hardware), hardware, replicates="0-0"), own(folder))
        for (hardware, machine), folder in zip(CARDS.items(), folders.values(), strict=True)
    ]
    outcomes = run_all(commands, tmp_path_factory.mktemp("outputs"))
    return {hardware: (one, records(folders[hardware])) for hardware, one in zip(CARDS, outcomes, strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize("hardware", CARDS)
def test_every_source_trains_in_every_precision(trained, hardware) -> None:
    outcome, found = trained[hardware]
    assert outcome.returncode == 0, outcome.stdout
    assert sorted(record["cell"]["noise"] for record in found) == sorted(TRAINED)
    assert {record["device"]["model"] for record in found} == {CARDS[hardware].name}
    assert {record["flags"]["precision"] for record in found} == {entry(hardware).precision}
    assert {record["resumed"] for record in found} == {0}


@pytest.mark.slow
def test_one_ulp_alone_starts_from_other_weights_than_were_drawn(trained) -> None:
    """Kernels do nothing, so the weights stay those of the start where no kernel changes the memory format."""
    found = trained["h100"][1]
    moved = [one["cell"]["noise"] for one in found if one["weight_hash"] != one["initial_weight_hash"]]
    assert moved == ["one_ulp"]


#: What each part of `impl` turns off or on, against `control`: deterministic algorithms, cuDNN's switch, autotuning.
SWITCHES = {
    "control": (True, True, False),
    "impl": (False, False, True),
    "autotune": (True, True, True),
    "cudnn_deterministic": (True, False, False),
    "atomics": (False, True, False),
}


@pytest.mark.slow
@pytest.mark.parametrize("noise", SWITCHES)
def test_the_parts_of_the_implementation_turn_their_own_switches(trained, noise) -> None:
    (flags,) = [record["flags"] for record in trained["h100"][1] if record["cell"]["noise"] == noise]
    deterministic = flags["deterministic"]
    found = (deterministic, flags.get("cudnn_deterministic", deterministic), flags["cudnn_benchmark"])
    assert found == SWITCHES[noise]
