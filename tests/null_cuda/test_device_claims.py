"""Which device a job takes, on machines with a CUDA runtime and no GPU."""

import os
import signal
from subprocess import CompletedProcess
from typing import Any

import pytest
from null_machine import Command, NullMachine, copied, run_all
from small_study import own, records, training

TWO = NullMachine(devices=2)
SLICES = NullMachine(mig="3g.40gb")
CARDS = [f"GPU-00010203-0405-0607-0809-0a0b0c0d0e0{number}" for number in (0, 1)]
SLICE = "NVIDIA H100 80GB HBM3 MIG 3g.40gb"
SLICE_UUIDS = [f"MIG-00010203-0405-0607-0809-0a0b0c0d0{number}00" for number in (1, 2)]
#: A hardware entry for a slice, as docs/hpc.md says to add one.
ENTRY = """
h100_3g:
  {title: H100 slice, device: cuda, gpu: H100 80GB HBM3 MIG 3g.40gb, compute_capability: "9.0", memory_gb: 40,
   tflops: 28, precision: fp32, memory_format: contiguous_format, stack: torch2.12-cu130}
"""
ON_SLICE = (SLICE, 40e9)
ON_CARD = ("NVIDIA H100 80GB HBM3", 80e9)
#: Jobs: the machine, the hardware entry, what a scheduler chose, and the device that the job must take.
JOBS = {
    "beside another job": (TWO, "h100", None, (*ON_CARD, CARDS[1])),
    "a scheduler's card": (TWO, "h100", "1", (*ON_CARD, CARDS[1])),
    "a slice": (SLICES, "h100_3g", None, (*ON_SLICE, SLICE_UUIDS[0])),
    "a scheduler's slice": (SLICES, "h100_3g", SLICE_UUIDS[1], (*ON_SLICE, SLICE_UUIDS[1])),
}


@pytest.fixture(scope="module")
def done(tmp_path_factory, datasets) -> dict[str, tuple[CompletedProcess[str], list[dict[str, Any]]]]:
    """The outcome of each job and its records; another job computes on the first card of the machine with two."""
    package = copied(tmp_path_factory.mktemp("package"))
    with (package / "catalog" / "hardware.yaml").open("a") as file:
        file.write(ENTRY)
    folders = {name: tmp_path_factory.mktemp("job") for name in JOBS}
    commands = [
        Command(
            machine,
            training(folders[name], datasets, hardware=hardware),
            own(folders["beside another job"]) | ({"CUDA_VISIBLE_DEVICES": chosen} if chosen else {}),
        )
        for name, (machine, hardware, chosen, _) in JOBS.items()
    ]
    other = tmp_path_factory.mktemp("other")
    first = TWO.start("-m", "noisegrid", *training(other, datasets), **own(folders["beside another job"]))
    assert first.stdout.readline() == f"computing on H100 {CARDS[0]}\n"
    os.killpg(first.pid, signal.SIGSTOP)  # it holds its card and does nothing
    outcomes = run_all(commands, tmp_path_factory.mktemp("outputs"), package)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    return {name: (one, records(folders[name])) for name, one in zip(JOBS, outcomes, strict=True)}


@pytest.mark.parametrize("job", JOBS)
def test_a_job_takes_a_device_and_records_which(done, job) -> None:
    outcome, found = done[job]
    assert outcome.returncode == 0, outcome.stdout
    _, _, chosen, device = JOBS[job]
    assert {tuple(one["device"][key] for key in ("model", "memory_bytes", "uuid")) for one in found} == {device}
    assert ("computing on" in outcome.stdout) is (chosen is None)  # a scheduler's choice is not claimed
