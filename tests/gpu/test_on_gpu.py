"""What only a GPU can show. The campaign of benchmarks/gpu_campaign runs `python -m pytest tests/gpu -m gpu`.

Replicates are trained by the command, in processes of their own, with the PyTorch that is installed (stack `here`).
"""

import csv
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import noisegrid

from noisegrid.common.schemas import catalog
from noisegrid.data.prepared import Dataset, open_prepared
from noisegrid.runtime import devices
from noisegrid.study.recipes import resolve_tasks, task_settings
from noisegrid.study.resolve import hardware_settings
from noisegrid.study.settings import Hardware
from noisegrid.training import noise
from noisegrid.training.checkpoint import Checkpoints, Interrupted
from noisegrid.training.initial import build_network
from noisegrid.training.run import Run
from noisegrid.training.train import Training
from noisegrid.training.weights import weights_of

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU that PyTorch can use"),
]

STUDY = """
name: on_gpu
seed: 1
cells:
  - {{hardware: ["{hardware}"], tasks: [short-digits], noise: [control, algo], replicates: 3}}
tasks:
  short-digits: {{like: smallcnn_bn-digits, without_batch_norm: smallcnn-digits, epochs: 3, schedule: [[2, 0.1]]}}
"""
#: Sums of so many random numbers depend on the order of the terms.
TERMS, SUMS, TRIES = 1 << 20, 16, 50
SEEDS = dict.fromkeys(("init", "order", "augment", "dropout"), 1)


def hardware() -> str:
    return devices.named(["auto@here"], "hardware")[0]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with datasets/ and with the trained replicates of STUDY in results/."""
    folder = tmp_path_factory.mktemp("gpu")
    (folder / "study.yaml").write_text(STUDY.format(hardware=hardware()))
    _succeed("prepare-dataset", "digits", "--output", folder / "datasets" / "digits" / "manifest.json")
    _succeed(
        *(
            "train",
            folder / "study.yaml",
            "--replicates",
            "0-2",
            "--hardware",
            hardware(),
            "--output",
            folder / "0-2.json",
        ),
        *("--datasets", folder / "datasets", "--results", folder / "results"),
    )
    return folder


def records(study: Path, noise_name: str) -> list[dict[str, Any]]:
    paths = sorted(study.glob(f"results/on_gpu/replicates/*/*/{noise_name}/*/record.json"))
    return [json.loads(path.read_text()) for path in paths]


def test_control_replicates_end_with_the_same_bits_and_others_do_not(study: Path) -> None:
    for name, different in (("control", 1), ("algo", 3)):
        hashes = [record["weight_hash"] for record in records(study, name)]
        assert (len(hashes), len(set(hashes))) == (3, different), name


def test_a_replicate_is_replayed_to_the_bit(study: Path) -> None:
    for name in ("control", "algo"):
        path = next(study.glob(f"results/on_gpu/replicates/*/*/{name}/1/record.json"))
        assert "same bits" in _succeed("replay", path, "--datasets", study / "datasets")


def test_a_record_names_the_device_that_trained_it(study: Path) -> None:
    properties = torch.cuda.get_device_properties(0)
    for record in records(study, "control"):
        about = record["device"]
        assert about["model"] == properties.name == devices.gpus()[about["uuid"]]
        assert about["uuid"].endswith(str(properties.uuid))
        assert about["memory_bytes"] == properties.total_memory
        assert about["compute_capability"] == f"{properties.major}.{properties.minor}"


def test_resuming_in_the_middle_of_an_epoch_changes_no_bit(study: Path) -> None:
    data = open_prepared(study / "datasets" / "digits")
    whole = _trained(data, stop_after=None)
    assert weights_of(_trained(data, stop_after=13).network).hash == weights_of(whole.network).hash


def test_atomic_additions_vary_and_their_deterministic_kernel_does_not() -> None:
    generator = torch.Generator("cuda").manual_seed(0)
    values = torch.randn(TERMS, device="cuda", generator=generator)
    index = torch.randint(SUMS, (TERMS,), device="cuda", generator=generator)

    def sums() -> torch.Tensor:
        return torch.zeros(SUMS, device="cuda").index_add_(0, index, values)

    noise.set_switches({"deterministic": True})
    try:
        held = [sums() for _ in range(TRIES)]
    finally:
        noise.set_switches({})
    assert all(torch.equal(held[0], other) for other in held)
    free = [sums() for _ in range(TRIES)]
    assert not all(torch.equal(free[0], other) for other in free)


def test_the_recorded_clock_is_one_under_load(tmp_path: Path) -> None:
    _succeed(
        *("overhead", "mediumcnn_k3", "--hardware", hardware(), "--arms", "default", "deterministic"),
        *("--size", "128", "--batch-size", "64", "--processes", "1", "--blocks", "2", "--steps", "5"),
        *("--output", tmp_path),
    )
    with next(tmp_path.glob("*/mediumcnn_k3.csv")).open(newline="") as file:
        rows = list(csv.DictReader(file))
    clocks = [float(row["clock_mhz"]) for row in rows if row["measure"] == "step"]
    assert len(clocks) == 4
    assert all(0.3 * _highest_clock_mhz() < clock <= _highest_clock_mhz() for clock in clocks)
    repeatable = {row["arm"]: float(row["value"]) for row in rows if row["measure"] == "repeatable"}
    assert repeatable["deterministic"] == 1
    assert all(float(row["value"]) > 0 for row in rows if row["measure"] == "kernel_sum")


def _highest_clock_mhz() -> float:
    import pynvml

    pynvml.nvmlInit()
    try:
        return float(pynvml.nvmlDeviceGetMaxClockInfo(pynvml.nvmlDeviceGetHandleByIndex(0), pynvml.NVML_CLOCK_SM))
    finally:
        pynvml.nvmlShutdown()


def _trained(data: Dataset, stop_after: int | None) -> Training:
    """Train three epochs in this process; with `stop_after`, stop after so many steps and resume in a new run."""
    settings = hardware_settings(hardware(), "test")
    task = task_settings(resolve_tasks({}, "test"), catalog("datasets"), "smallcnn_bn-digits", "test") | {"epochs": 3}
    flags = noise.held_flags(Hardware.of(settings))
    run = Run({"task": task, "hardware": settings}, SEEDS, flags)
    noise.set_switches(flags)
    torch.manual_seed(0)
    start = weights_of(build_network(run.task, data))
    training, steps = Training(run, data, start, torch.device("cuda")), itertools.count(1)
    never = Checkpoints()
    if stop_after is not None:
        stopping = Checkpoints()
        stopping.on_visit = lambda _: setattr(stopping, "asked_to_stop", next(steps) == stop_after)
        with pytest.raises(Interrupted):
            while training.epoch < 3:
                training.run_epoch(stopping)
        state = training.state_dict()
        training = Training(run, data, start, torch.device("cuda"))
        training.load_state_dict(state)
    while training.epoch < 3:
        training.run_epoch(never)
    noise.set_switches({})
    return training


def _succeed(*arguments: object) -> str:
    """Run `noisegrid ARGUMENTS`; return what it printed."""
    done = noisegrid(*arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout
