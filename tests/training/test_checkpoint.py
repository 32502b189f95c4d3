"""Runs that are interrupted: checkpoints are whole or not used, and a resumed run ends with the same bits."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch
from conftest import LONG, ROOT

from noisegrid.common.locks import lock_file, one_writer, owner
from noisegrid.training.checkpoint import Checkpoints, Interrupted

CPU = torch.device("cpu")


class Counter:
    """The smallest run that can be checkpointed."""

    def __init__(self, value: int = 0) -> None:
        self.value = value

    def state_dict(self):
        return {"value": self.value}

    def load_state_dict(self, state):
        self.value = state["value"]


def resumed(folder: Path, identity: str = "run") -> int | None:
    counter = Counter()
    return counter.value if Checkpoints(folder, identity).resume(counter, CPU) else None


def test_only_the_newest_state_is_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path / "c", "run")
    for value in (1, 2, 3):
        checkpoints.save(Counter(value))
    assert resumed(tmp_path / "c") == 3
    assert len(list((tmp_path / "c").iterdir())) == 1
    checkpoints.clear()
    assert not (tmp_path / "c").exists()


def test_a_truncated_state_is_not_used(tmp_path, capsys):
    Checkpoints(tmp_path, "run").save(Counter(7))
    (path,) = tmp_path.glob("*.pt")
    path.write_bytes(path.read_bytes()[:-1])
    assert resumed(tmp_path) is None
    assert "is ignored: it is truncated or changed" in capsys.readouterr().err


def test_a_state_of_another_run_is_not_used(tmp_path, capsys):
    Checkpoints(tmp_path, "run").save(Counter(7))
    assert resumed(tmp_path, "another") is None
    assert "is ignored: it belongs to another run" in capsys.readouterr().err


def test_a_stop_signal_saves_at_the_next_step_and_ends_the_run(tmp_path):
    checkpoints = Checkpoints(tmp_path, "run", every_s=3600)
    checkpoints.visit(Counter(1))
    assert not list(tmp_path.iterdir())  # not due yet
    before = signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGTERM)
    try:
        checkpoints.listen()
        os.kill(os.getpid(), signal.SIGUSR1)
        with pytest.raises(Interrupted):
            checkpoints.visit(Counter(2))
    finally:
        signal.signal(signal.SIGUSR1, before[0])
        signal.signal(signal.SIGTERM, before[1])
    assert resumed(tmp_path) == 2


def test_a_lock_names_its_owner_and_ends_with_it(tmp_path):
    folder = tmp_path / "3"
    with one_writer(folder):
        assert f"process {os.getpid()} on " in owner(folder)
    assert owner(folder) is None and not lock_file(folder).exists()


# --- real training -------------------------------------------------------------------------------------------------


@pytest.fixture
def study(tmp_path) -> Path:
    path = tmp_path / "long.yaml"
    path.write_text(LONG)
    return path


def command(study: Path, datasets: Path, results: Path, output: str = "out.json") -> list[str]:
    options = {"datasets": datasets, "results": results, "output": results / output}
    fixed = ["--hardware", "cpu", "--replicates", "long-digits/0-0", "--cores", "2"]
    named = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return [sys.executable, "-m", "noisegrid", "train", str(study), *fixed, *named]


def start(arguments: list[str], log: Path) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow")}
    return subprocess.Popen(arguments, stderr=log.open("w"), stdout=subprocess.DEVNULL, env=environment)


def hashes(results: Path) -> dict[str, str]:
    return {path.parts[-3]: json.loads(path.read_text())["weight_hash"] for path in results.rglob("0/record.json")}


@pytest.fixture
def calm(undisturbed) -> dict[str, str]:
    """The weight hash of each cell's first replicate when nothing disturbs it."""
    return hashes(undisturbed)


@pytest.mark.slow
def test_a_job_that_is_asked_to_stop_puts_its_runs_away_and_the_next_goes_on(study, datasets, tmp_path, calm):
    log = tmp_path / "log"
    process = start(command(study, datasets, tmp_path), log)
    running = tmp_path / "long/replicates/cpu/long-digits"
    while not list(running.rglob(".0.lock")):
        time.sleep(0.05)
    time.sleep(0.7)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 1
    text = log.read_text()
    assert "replicates checkpointed; the next call resumes them" in text
    assert "stop requested (signal 15): checkpointing" in text and "checkpointed; the next job resumes it" in text
    assert len(list(running.rglob("*.pt"))) >= 1
    process = start(command(study, datasets, tmp_path), log)
    assert process.wait(120) == 0, log.read_text()
    assert hashes(tmp_path) == calm
    assert not list(running.rglob("*.pt")) and not list(running.rglob("*.lock"))


@pytest.mark.slow
def test_twenty_kills_in_the_middle_of_an_epoch_change_no_bit(study, datasets, tmp_path, calm):
    """One process imports torch and forks the replicate; it is killed at random moments, and taken up each time."""
    script = textwrap.dedent(f"""
        import os, random, signal, sys, time
        import torch._dynamo, torch._inductor
        from pathlib import Path
        from noisegrid.runtime import machine
        from noisegrid.data.prepared import open_prepared
        from noisegrid.training.replicate import job_of
        from noisegrid.training.pool import FORK, child
        from noisegrid.study.resolve import load_study
        data = open_prepared(Path({str(datasets / "digits")!r}))
        machine.software()
        kills = 0
        for cell in load_study({str(study)!r}).cells:
            job = job_of(cell, 0, Path({str(tmp_path)!r}))
            place = job.folder.with_name(".0.checkpoints")
            for _ in range(10):
                before = set(place.glob("*.pt"))
                process = FORK.Process(target=child, args=(job, data, 0.02))
                process.start()
                while process.is_alive() and set(place.glob("[!.]*.pt")) <= before:
                    time.sleep(0.002)  # until it has come further than the last
                time.sleep(random.Random(kills).uniform(0, 0.05))
                kills += process.is_alive()
                os.kill(process.pid, signal.SIGKILL) if process.is_alive() else None
                process.join()
            process = FORK.Process(target=child, args=(job, data, 0.05))
            process.start()
            process.join()
        print("kills", kills)
    """)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow"), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert hashes(tmp_path) == calm
    assert int(done.stdout.split()[-1]) == 20  # or not enough was tested


@pytest.mark.slow
def test_two_copies_of_a_job_leave_one_good_result(study, datasets, tmp_path, calm):
    logs = [tmp_path / "first.log", tmp_path / "second.log"]
    copies = [start(command(study, datasets, tmp_path, f"{log.stem}.json"), log) for log in logs]
    assert [copy.wait(180) for copy in copies] == [0, 0], [log.read_text() for log in logs]
    assert hashes(tmp_path) == calm
    trained = re.findall(r"replicate 0 of (\S+): ", "".join(log.read_text() for log in logs))
    assert sorted(trained) == ["cpu/long-digits/algo", "cpu/long-digits/control"]  # each by one of the two
    assert (tmp_path / "first.json").read_text() == (tmp_path / "second.json").read_text()
