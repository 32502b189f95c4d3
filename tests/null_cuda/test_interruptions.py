"""Jobs that are stopped, that wait for a device and that lose it, on machines with a CUDA runtime and no GPU."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
from null_machine import HERE, NullMachine
from small_study import CARDS, H100, own, record_files, records, training

#: More than a second per replicate, and some thirty checkpoints in a second.
LONG = {"noises": {"short-digits": ["algo"]}, "epochs": 30}
OFTEN = ("--checkpoint-minutes", "0.0005")


def start(folder: Path, datasets: Path, machine: NullMachine = H100, **more: str) -> Popen[str]:
    """Start the job that trains two replicates for some seconds each."""
    return machine.start("-m", "noisegrid", *training(folder, datasets, **LONG), *OFTEN, **own(folder, **more))


def checkpoints(folder: Path) -> list[Path]:
    return list(folder.glob("results/**/algo/.0.checkpoints/*.pt"))


@contextmanager
def frozen_in_mid_run(job: Popen[str], folder: Path) -> Iterator[None]:
    """Wait until the first replicate has a checkpoint, and hold the job's processes while the block runs."""
    while not checkpoints(folder):
        assert job.poll() is None, job.communicate()[0]
        time.sleep(0.01)
    os.killpg(job.pid, signal.SIGSTOP)
    yield
    os.killpg(job.pid, signal.SIGCONT)


def test_a_job_waits_for_the_device_and_resumes_what_was_stopped(tmp_path, datasets) -> None:
    first = start(tmp_path, datasets)
    with frozen_in_mid_run(first, tmp_path):
        second = start(tmp_path, datasets)
        assert second.stdout.readline() == "all 1 devices are in use; waiting\n"
        first.send_signal(signal.SIGTERM)
    output, _ = first.communicate()
    assert first.returncode == 1
    assert "noisegrid: stopped: 1 replicates checkpointed; the next call resumes them" in output
    output, _ = second.communicate()
    assert second.returncode == 0, output
    assert "computing on H100 GPU-" in output
    found = records(tmp_path)
    assert [record["resumed"] for record in found] == [1, 0]
    assert [len(path.with_name("history.csv").read_text().splitlines()) for path in record_files(tmp_path)] == [31, 31]
    assert not list(tmp_path.rglob("*.pt"))


def test_a_card_that_disappears_ends_the_job_and_loses_nothing(tmp_path, datasets) -> None:
    lost = tmp_path / "lost"
    job = start(tmp_path, datasets, NULLCUDA_LOST=str(lost))
    with frozen_in_mid_run(job, tmp_path):
        lost.touch()
    output, _ = job.communicate()
    assert job.returncode == 1
    _, failed, sentence = output.splitlines()  # replicate 1 was not started
    assert "replicate 0 of h100/short-digits/algo failed: the GPU stopped working (CUDA error: " in failed
    assert "the GPU was lost while this job trained" in sentence
    assert "which the driver does not list; check it with nvidia-smi" in sentence
    assert checkpoints(tmp_path)
    lost.unlink()
    again = start(tmp_path, datasets)
    output, _ = again.communicate()
    assert again.returncode == 0, output
    assert [record["resumed"] for record in records(tmp_path)] == [1, 0]


@pytest.fixture(scope="module")
def states() -> dict[str, list[dict[str, Any]]]:
    """For each hardware, the final states of a run that was not stopped, and of one that was stopped and resumed."""
    done = H100.run(HERE / "resume_steps.py", 13, *CARDS)
    assert done.returncode == 0, done.stdout
    found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("hardware", CARDS)
def test_a_resumed_run_ends_in_the_state_of_one_that_was_not_stopped(states, hardware) -> None:
    whole, resumed = states[hardware]
    assert (whole.pop("resumed"), resumed.pop("resumed")) == (0, 1)
    assert (whole["epoch"], whole["steps"], len(whole["rates"])) == (2, 20, 2)
    assert whole["random_cuda"][2]  # the generator of dropout, whose offset the host counts
    assert resumed == whole
