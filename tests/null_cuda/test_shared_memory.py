"""Several replicates on a GPU: each may allocate its part, and no more, on machines with a CUDA runtime and no GPU."""

import json
from subprocess import CompletedProcess
from typing import Any

import pytest
from null_machine import HERE, Command, NullMachine, run_all
from small_study import own, records, training

from noisegrid.runtime.hardware import memory_budget_gb

GB = 1024**3
WORDS = "out of memory: with share_gpu: {}, a replicate has {} GB of the GPU; write a smaller share_gpu"


def test_the_limit_is_the_budget_in_bytes_on_both_sides() -> None:
    done = NullMachine(memory_gb=80 * GB / 1e9).run(HERE / "share_memory.py")
    limit, below, above = json.loads(done.stdout.splitlines()[-1])
    assert limit == pytest.approx(memory_budget_gb(80, 4) * GB, abs=2)  # 80 / 4 - 0.75 = 19.25 GB, each of 2^30 bytes
    assert below == ""
    assert above == WORDS.format(4, 19.2)


@pytest.fixture(scope="module")
def shared(tmp_path_factory, datasets) -> dict[str, tuple[CompletedProcess[str], list[dict[str, Any]]]]:
    """A task that fits and one that does not, two at a time on a card of 2 GB, each with 2 / 2 - 0.75 = 0.25 GB."""
    card = NullMachine(memory_gb=2 * GB / 1e9)
    folders = {task: tmp_path_factory.mktemp("shared") for task in ("short-digits", "short-resnet")}
    commands = [
        Command(card, [*training(folder, datasets, {task: ["control"]}), "--share-gpu", "2"], own(folder))
        for task, folder in folders.items()
    ]
    outcomes = run_all(commands, tmp_path_factory.mktemp("outputs"))
    return {task: (one, records(folders[task])) for task, one in zip(folders, outcomes, strict=True)}


def test_replicates_that_fit_their_part_are_trained(shared) -> None:
    outcome, found = shared["short-digits"]
    assert outcome.returncode == 0, outcome.stdout
    parts = [(one["device"]["replicates_on_gpu"], one["device"]["memory_limit_bytes"]) for one in found]
    assert parts == [(2, GB // 4)] * 2


def test_a_replicate_that_wants_more_than_its_part_fails_in_one_sentence(shared) -> None:
    outcome, found = shared["short-resnet"]
    assert (outcome.returncode, found) == (1, [])
    failed = [line for line in outcome.stdout.splitlines() if " failed: " in line]
    sentence = f"failed: {WORDS.format(2, 0.25)}"
    assert sorted(failed) == [f"replicate {k} of h100/short-resnet/control {sentence}" for k in (0, 1)]
    assert "Traceback" not in outcome.stdout
