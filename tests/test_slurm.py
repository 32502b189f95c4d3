"""`snakemake --profile slurm` on a real SLURM: from submission to figures, and with faults, to the same bits.

The cluster runs on this machine (.ci/slurm-up.sh): real daemons, three nodes, GPUs that are only names.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import LONG, LONG_TABLES, ROOT, UNTIMED, hashes, noisegrid, outcome, run, snakemake

pytestmark = [pytest.mark.slow, pytest.mark.slurm]

#: The site's files say that both GPU nodes hold an A100.
NODES = [
    *("--node", "gpu1:a100:a100:1:2:16000"),
    *("--node", "gpu2:a100:a100:1:2:16000"),
    *("--node", "cpu1:cpu:none:0:2:16000"),
]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A SLURM of three nodes; the environment in which its commands work."""
    if shutil.which("slurmctld") is None:
        if os.environ.get("CI"):
            pytest.fail("SLURM is missing on CI: .ci/run installs it")
        pytest.skip("SLURM is not installed (Debian: slurmctld slurmd slurm-client)")
    folder = tmp_path_factory.mktemp("slurm")
    start_daemons(folder)
    path = f"{folder}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
    yield {"PATH": path, "SLURM_CONF": f"{folder}/etc/slurm.conf", "LAB": str(folder)}
    subprocess.run([ROOT / ".ci/slurm-down.sh", folder, "--purge"], check=False, capture_output=True, timeout=120)


def start_daemons(folder: Path) -> None:
    """Start those daemons of the cluster that are not running."""
    command = [ROOT / ".ci/slurm-up.sh", folder, "--port", "37800", *NODES]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def arguments(folder: Path, study: object, *targets: str) -> list[str]:
    """As a user types it in a clone, with a short wait before the first look at a job."""
    return ["snakemake", *targets, "--profile", str(ROOT / "slurm"), "--snakefile", str(ROOT / "Snakefile"),
            "--workflow-profile", str(ROOT / "profiles/default"), "--directory", str(folder),
            "--slurm-init-seconds-before-status-checks", "2", "--config", f"study={study}"]  # fmt: skip


def jobs_of(cluster: dict[str, str]) -> list[dict[str, str]]:
    """What SLURM has on record of every ended job."""
    lines = Path(cluster["LAB"], "log/jobcomp.log").read_text().splitlines()
    return [dict(field.split("=", 1) for field in line.split() if "=" in field) for line in lines]


def test_the_quick_study_runs_from_submission_to_figures(cluster, quick, tmp_path):
    before = len(jobs_of(cluster))
    # the nodes share this machine's two cores: two jobs at a time, a thread each
    command = [*arguments(tmp_path, "quick"), "threads_per_job=1", "--jobs", "2"]
    done = run(*command, cwd=tmp_path, **cluster)
    assert done.returncode == 0, done.stdout
    assert outcome(tmp_path, "quick") == outcome(quick, "quick") and len(hashes(quick, "quick")) == 170
    assert all((tmp_path / "results/quick" / name).exists() for name in ("report.html", "figures/figure_1.png"))
    # three tasks and three networks to time; all that is light ran where Snakemake ran
    assert len(jobs_of(cluster)) - before == 6
    assert "Nothing to be done" in run(*command, "-n", cwd=tmp_path, **cluster).stdout


def test_a_pilot_on_the_nodes_packs_the_jobs(cluster, tmp_path):
    (tmp_path / "long.yaml").write_text(LONG)
    before = len(jobs_of(cluster))
    done = run(*arguments(tmp_path, tmp_path / "long.yaml", "pilot"), cwd=tmp_path, **cluster)
    assert done.returncode == 0, done.stdout
    (found,) = tmp_path.rglob("pilot/cpu/long-digits.json")
    assert len(jobs_of(cluster)) - before == 1
    hours = json.loads(found.read_text())["seconds_per_replicate"] / 3600
    printed = noisegrid("plan", "--study", tmp_path / "long.yaml", cwd=tmp_path).stdout
    assert f"{4 * hours:.3g}" in printed and "pilot" in printed


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict[str, str]:
    """The study LONG without SLURM and without faults."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "long.yaml").write_text(LONG)
    done = snakemake(folder, *LONG_TABLES, study=folder / "long.yaml")
    assert done.returncode == 0, done.stdout
    return outcome(folder, "long")


class Study:
    """A study under way on the cluster."""

    def __init__(self, folder: Path, cluster: dict[str, str], *more: str) -> None:
        self.folder, self.cluster = folder, cluster
        (folder / "long.yaml").write_text(LONG)
        self.process = self.start(*more)

    def start(self, *more: str) -> subprocess.Popen:
        command = [*arguments(self.folder, self.folder / "long.yaml", *LONG_TABLES), "checkpoint_minutes=0.01", *more]
        log = (self.folder / "snakemake.log").open("a")
        return subprocess.Popen(command, cwd=self.folder, env={**os.environ, **self.cluster}, stdout=log, stderr=log)

    def slurm(self, *command: str) -> str:
        return run(*command, **self.cluster).stdout

    def wait_until_it_trains(self) -> str:
        """Wait until a replicate is under way; gives SLURM's number of the job."""
        for _ in range(1200):
            if list(self.folder.rglob("*.pt")):
                return self.slurm("squeue", "-h", "-t", "R", "-o", "%A").split()[0]
            assert self.process.poll() is None, self.log()
            time.sleep(0.1)
        raise AssertionError(self.log())

    def log(self) -> str:
        return (self.folder / "snakemake.log").read_text()

    def logs(self) -> str:
        return "".join(path.read_text() for path in self.folder.rglob("logs/batches/**/*.log"))

    def finish(self) -> dict[str, str]:
        assert self.process.wait(600) == 0, self.log()
        return outcome(self.folder, "long")


@pytest.fixture
def study(tmp_path, cluster) -> Iterator[Study]:
    found = Study(tmp_path, cluster)
    yield found
    if found.process.poll() is None:
        found.process.kill()
    found.slurm("scancel", "--user", "root")


def test_a_cancelled_job_is_gone_on_with(study, undisturbed):
    study.slurm("scancel", study.wait_until_it_trains())
    assert study.finish() == undisturbed


def test_a_node_that_goes_down_and_comes_back(study, undisturbed):
    node = study.slurm("squeue", "-h", "-j", study.wait_until_it_trains(), "-o", "%N").strip()
    study.slurm("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    time.sleep(3)
    study.slurm("scontrol", "update", f"nodename={node}", "state=resume")
    assert study.finish() == undisturbed


def test_a_killed_slurmd(study, undisturbed, cluster):
    """Its job trains on as an orphan until SLURM gives the node up; the retry runs on another node."""
    node = study.slurm("squeue", "-h", "-j", study.wait_until_it_trains(), "-o", "%N").strip()
    os.kill(int(Path(cluster["LAB"], f"run/slurmd.{node}.pid").read_text()), signal.SIGKILL)
    try:
        assert study.finish() == undisturbed
    finally:
        start_daemons(Path(cluster["LAB"]))


def test_killed_training_processes_are_started_again(study, undisturbed):
    study.wait_until_it_trains()
    lock = next(study.folder.rglob(".[0-9].lock"))
    os.kill(int(lock.read_text().split()[1]), signal.SIGKILL)
    assert study.finish() == undisturbed


def test_snakemake_itself_is_killed_and_called_again(study, undisturbed):
    """Its job goes on as an orphan; the next call submits a second copy, and one of the two trains each replicate."""
    study.wait_until_it_trains()
    study.process.send_signal(signal.SIGKILL)
    study.process.wait()
    run(*arguments(study.folder, study.folder / "long.yaml"), "--unlock", cwd=study.folder, **study.cluster)
    study.process = study.start()
    assert study.finish() == undisturbed


def test_a_time_limit_that_is_hit(cluster, tmp_path, undisturbed):
    """The job hangs (SIGSTOP) until its minute is over; SLURM wakes it to say so, and it puts its runs away."""
    study = Study(tmp_path, cluster, "--set-resources", "train_replicates:runtime=1")
    job = study.wait_until_it_trains()
    study.slurm("scancel", "--signal=STOP", job)
    assert study.finish() == undisturbed
    assert [found["JobState"] for found in jobs_of(cluster) if found["JobId"] == job] == ["TIMEOUT"]
    assert "put away" in study.log() + study.logs()


def test_a_warning_signal_before_the_limit(study, undisturbed):
    """What sbatch --signal=USR1@120 sends two minutes before the end of a job's time."""
    study.slurm("scancel", "--signal=USR1", study.wait_until_it_trains())
    assert study.finish() == undisturbed
    assert "asked to stop (signal 10)" in study.log() + study.logs()


def test_a_requeue_by_slurm_does_not_run_a_second_copy(study, undisturbed):
    """The profile forbids it (slurm-no-requeue), and if it came to it, a replicate has one writer."""
    study.slurm("scontrol", "requeue", study.wait_until_it_trains())
    assert study.finish() == undisturbed


NOT_YET = """
import os, pathlib
from noisegrid.networks import small_cnn

def net(classes, channels, size):
    seen = pathlib.Path("seen")
    seen.mkdir(exist_ok=True)
    (seen / os.environ.get("SLURM_JOB_ID", "here")).touch()
    if len(list(seen.iterdir())) < 3:
        raise RuntimeError("not yet")
    return small_cnn(classes, channels, size, batch_norm=False)
"""


def test_a_job_that_fails_twice_and_then_works(cluster, tmp_path):
    """A network that cannot be built in the first two SLURM jobs; the profile's two retries are just enough."""
    block = {"hardware": ["cpu"], "tasks": ["own-digits"], "noise": ["algo", "control"], "replicates": 2}
    tasks = {"own-digits": {"like": "smallcnn-digits", "network": "own:net", "epochs": 2, "schedule": []}}
    for folder in (tmp_path / "disturbed", tmp_path / "undisturbed"):
        folder.mkdir()
        (folder / "own.py").write_text(NOT_YET)
        (folder / "own.yaml").write_text(json.dumps({"name": "own", "seed": 1, "cells": [block], "tasks": tasks}))
    targets = [f"results/own/{name}" for name in UNTIMED]
    place = tmp_path / "disturbed"
    done = run(*arguments(place, place / "own.yaml", *targets), cwd=place, **cluster)
    assert done.returncode == 0, done.stdout
    assert len(list((place / "seen").iterdir())) == 3
    shutil.copytree(place / "seen", tmp_path / "undisturbed/seen")  # three jobs have seen it: it works at once
    done = snakemake(tmp_path / "undisturbed", *targets, study=tmp_path / "undisturbed/own.yaml")
    assert done.returncode == 0, done.stdout
    assert outcome(place, "own") == outcome(tmp_path / "undisturbed", "own")


def test_a_node_with_another_gpu_is_refused_and_the_job_goes_to_the_next(cluster, tmp_path):
    """nvidia-smi is a stand-in: the first node has a V100. There is no CUDA here, so the right node cannot train."""
    asked = Path(cluster["LAB"], "bin/nvidia-smi")
    names = 'case $SLURMD_NODENAME in gpu1) echo "GPU-1, Tesla V100-SXM2-16GB";; *) echo "GPU-2, NVIDIA A100-SXM4-40GB"'
    asked.write_text(f"#!/bin/sh\n{names};; esac\n")
    asked.chmod(0o755)
    block = {"hardware": ["a100"], "tasks": ["smallcnn-digits"], "noise": ["control"], "replicates": 2}
    (tmp_path / "wrong.yaml").write_text(json.dumps({"name": "wrong", "seed": 1, "cells": [block]}))
    before = len(jobs_of(cluster))
    target = "results/wrong/batches/a100/smallcnn-digits/0-1.json"
    try:
        done = run(*arguments(tmp_path, tmp_path / "wrong.yaml", target), cwd=tmp_path, **cluster)
    finally:
        asked.unlink()
    assert [job["NodeList"] for job in jobs_of(cluster)[before:]] == ["gpu1", "gpu2", "gpu2"], done.stdout
    refused = tmp_path / "results/wrong/refused/a100"
    assert [path.name for path in refused.iterdir()] == ["gpu1"]
    assert "needs a A100, but was given a Tesla V100" in (refused / "gpu1").read_text()
    assert "PyTorch sees no GPU" in (tmp_path / "results/wrong/logs/batches/a100/smallcnn-digits/0-1.log").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system takes root")
def test_a_full_disk_stops_the_job_and_loses_nothing(undisturbed, tmp_path):
    """Without SLURM: the same code writes. Two of four replicates fit; with more room the next call trains the rest."""
    (tmp_path / "long.yaml").write_text(LONG)
    place = tmp_path / "results/long/replicates"
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", place], check=True)
    try:
        done = snakemake(tmp_path, *LONG_TABLES, study=tmp_path / "long.yaml")
        assert done.returncode != 0 and "No space left on device" in done.stdout
        kept = hashes(tmp_path, "long")
        assert len(kept) < 4 and kept.items() <= undisturbed.items()
        subprocess.run(["mount", "-o", "remount,size=100m", place], check=True)
        done = snakemake(tmp_path, *LONG_TABLES, study=tmp_path / "long.yaml")
        assert done.returncode == 0, done.stdout
        assert outcome(tmp_path, "long") == undisturbed
    finally:
        subprocess.run(["umount", place], check=True)
