"""`snakemake --profile slurm` on a real SLURM: from submission to figures, and with faults, to the same bits.

The cluster runs on this machine (.ci/slurm-up.sh): real daemons, GPUs that are only names. Every scenario has a folder
and a partition of its own, so they run at the same time: most of each is waiting for SLURM.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import LONG, LONG_TABLES, ROOT, TINY, UNTIMED, hashes, noisegrid, outcome, run, snakemake
from factories import cells, study, write_study
from pages import missing, steps

from noisegrid.common.progress import duration

pytestmark = [pytest.mark.slow, pytest.mark.slurm]

#: How many scenarios are under way at a time; the nodes share this machine's two cores.
AT_ONCE = 5


@dataclass(frozen=True)
class Site:
    """One scenario's part of the cluster: two nodes in a partition, and a working directory."""

    folder: Path
    partition: str
    cluster: dict[str, str]

    def command(self, *targets: str, study: object, options: tuple[str, ...] = (), **config: object) -> list[str]:
        """Return the call that a user types in a clone, with a short wait before the first look at a job."""
        place = ["--snakefile", str(ROOT / "Snakefile"), "--workflow-profile", str(ROOT / "profiles/default")]
        polls = ["--slurm-init-seconds-before-status-checks", "1"]
        rules = ("train_replicates", "run_pilot", "time_networks")
        nodes = ["--set-resources", *(f"{rule}:slurm_partition={self.partition}" for rule in rules), *options]
        words = [f"{key}={value}" for key, value in {"study": study, **config}.items()]
        profile = ["--profile", str(ROOT / "slurm"), "--directory", str(self.folder)]
        return ["snakemake", *targets, *profile, *place, *polls, *nodes, "--config", *words]

    def run(self, *targets: str, study: object, **config: object) -> subprocess.CompletedProcess[str]:
        """Run Snakemake to its end."""
        return run(*self.command(*targets, study=study, **config), cwd=self.folder, **self.cluster)

    def slurm(self, *command: str) -> str:
        """Ask SLURM."""
        return run(*command, **self.cluster).stdout

    def jobs(self) -> list[dict[str, str]]:
        """Return SLURM's record of every ended job of this scenario."""
        lines = Path(self.cluster["LAB"], "log/jobcomp.log").read_text().splitlines()
        jobs = [dict(field.split("=", 1) for field in line.split() if "=" in field) for line in lines]
        return [job for job in jobs if job["WorkDir"] == str(self.folder)]


class Disturbed:
    """The study LONG under way at a site, to be disturbed."""

    def __init__(self, site: Site, *options: str) -> None:
        self.site, self.options = site, options
        (site.folder / "long.yaml").write_text(LONG)
        self.start()

    def start(self) -> None:
        """Call Snakemake, without waiting for it."""
        study = self.site.folder / "long.yaml"
        command = self.site.command(*LONG_TABLES, study=study, options=self.options, checkpoint_minutes=0.01)
        log = (self.site.folder / "snakemake.log").open("a")
        environment = {**os.environ, **self.site.cluster}
        self.process = subprocess.Popen(command, cwd=self.site.folder, env=environment, stdout=log, stderr=log)

    def wait_until_it_trains(self) -> str:
        """Wait for the first checkpoint; return SLURM's number of the job."""
        for _ in range(3000):
            if list(self.site.folder.rglob("*.pt")):
                return self.site.slurm("squeue", "-h", "-t", "R", "-p", self.site.partition, "-o", "%A").split()[0]
            assert self.process.poll() is None, self.log()
            time.sleep(0.1)
        raise AssertionError(self.log())

    def node(self) -> str:
        """Return the name of the node that trains."""
        return self.site.slurm("squeue", "-h", "-j", self.wait_until_it_trains(), "-o", "%N").strip()

    def log(self) -> str:
        """Return what Snakemake and the jobs printed."""
        paths = [self.site.folder / "snakemake.log", *self.site.folder.rglob("logs/chunks/**/*.log")]
        return "".join(path.read_text() for path in paths)

    def finish(self) -> dict[str, str]:
        """Wait for the end; return the weight hashes and the final tables."""
        try:
            assert self.process.wait(900) == 0, self.log()
        finally:
            self.process.kill()
        return outcome(self.site.folder, "long")


#: The partition of whatever is no scenario.
MAIN = "p0"


def partition_of(scenario: str) -> str:
    """Return a scenario's partition. SLURM 22.05 cancels jobs on nodes whose names have more than about 24 letters."""
    return f"p{1 + list(SCENARIOS).index(scenario)}"


Scenario = Callable[[Site, dict[str, str]], None]
SCENARIOS: dict[str, Scenario] = {}


def scenario(function: Scenario) -> Scenario:
    """List a scenario: it gets its site and the outcome of LONG without faults, and asserts."""
    SCENARIOS[function.__name__] = function
    return function


@scenario
@pytest.mark.release
def time_limit_that_is_hit(site, calm):
    """The job hangs (SIGSTOP) until its time is over; SLURM wakes it to say so, and it saves its runs."""
    # SLURM's limits are whole minutes, so this takes longest and is started first
    study = Disturbed(site, "train_replicates:runtime=2")
    job = study.wait_until_it_trains()
    site.slurm("scancel", "--signal=STOP", job)
    assert study.finish() == calm
    assert [found["JobState"] for found in site.jobs() if found["JobId"] == job] == ["TIMEOUT"]
    assert "checkpointed; the next job resumes" in study.log()


@scenario
@pytest.mark.release
def killed_slurmd(site, calm):
    """Its job trains on as an orphan until SLURM gives the node up; the retry runs on another node."""
    study = Disturbed(site)
    os.kill(int(Path(site.cluster["LAB"], f"run/slurmd.{study.node()}.pid").read_text()), signal.SIGKILL)
    assert study.finish() == calm


@scenario
@pytest.mark.release
def job_that_fails_twice(site, calm):
    """A network that cannot be built in the first two SLURM jobs; the profile's two retries are just enough."""
    tasks = {"own-digits": {"like": "smallcnn-digits", "network": "own:net", "epochs": 2, "schedule": []}}
    at_once = site.folder / "at_once"
    at_once.mkdir()
    for folder in (site.folder, at_once):
        (folder / "own.py").write_text(NOT_YET)
        write_study(folder, study(cells("own-digits"), name="own", tasks=tasks))
    targets = [f"results/own/{name}" for name in UNTIMED]
    done = site.run(*targets, study=site.folder / "own.yaml")
    assert done.returncode == 0, done.stdout
    assert len(list((site.folder / "seen").iterdir())) == 3
    shutil.copytree(site.folder / "seen", at_once / "seen")  # three jobs have seen it: it works at once
    done = snakemake(at_once, *targets, study=at_once / "own.yaml")
    assert done.returncode == 0, done.stdout
    assert outcome(site.folder, "own") == outcome(at_once, "own")


NOT_YET = """
import os, pathlib, torch
from noisegrid.networks.paper import small_cnn

def net(classes, channels, size):
    if not torch.initial_seed():  # the trial before any job
        return small_cnn(classes, channels, size, batch_norm=False)
    seen = pathlib.Path("seen")
    seen.mkdir(exist_ok=True)
    (seen / os.environ.get("SLURM_JOB_ID", "here")).touch()
    if len(list(seen.iterdir())) < 3:
        raise RuntimeError("not yet")
    return small_cnn(classes, channels, size, batch_norm=False)
"""


@scenario
def cancelled_job(site, calm):
    study = Disturbed(site)
    job = study.wait_until_it_trains()
    site.slurm("scancel", job)
    assert study.finish() == calm
    assert [found["JobState"] for found in site.jobs() if found["JobId"] == job] == ["CANCELLED"]


@scenario
@pytest.mark.release
def node_that_goes_down_and_comes_back(site, calm):
    study = Disturbed(site)
    node = study.node()
    site.slurm("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    time.sleep(3)
    site.slurm("scontrol", "update", f"nodename={node}", "state=resume")
    assert study.finish() == calm
    assert "NODE_FAIL" in {job["JobState"] for job in site.jobs()}


@scenario
@pytest.mark.release
def killed_training_process(site, calm):
    study = Disturbed(site)
    study.wait_until_it_trains()
    lock = next(site.folder.rglob(".[0-9].lock"))
    os.kill(int(lock.read_text().split()[1]), signal.SIGKILL)
    assert study.finish() == calm


@scenario
@pytest.mark.release
def killed_snakemake(site, calm):
    """Its job goes on as an orphan; the next call submits a second copy, and one of the two trains each replicate."""
    study = Disturbed(site)
    study.wait_until_it_trains()
    study.process.send_signal(signal.SIGKILL)
    study.process.wait()
    site.run("--unlock", study=site.folder / "long.yaml")
    study.start()
    assert study.finish() == calm


@scenario
@pytest.mark.release
def warning_before_the_limit(site, calm):
    """What sbatch --signal=USR1@120 sends two minutes before the end of a job's time."""
    study = Disturbed(site)
    site.slurm("scancel", "--signal=USR1", study.wait_until_it_trains())
    assert study.finish() == calm
    assert "stop requested (signal 10)" in study.log()


@scenario
@pytest.mark.release
def requeue_by_slurm(site, calm):
    """The profile forbids it (slurm-no-requeue), and if it came to it, a replicate has one writer."""
    study = Disturbed(site)
    site.slurm("scontrol", "requeue", study.wait_until_it_trains())
    assert study.finish() == calm


@scenario
def commands_of_the_page(site, calm):
    """The checklist of docs/hpc.md, as a user types it; the datasets are copied to the disk of the node."""
    shutil.copytree(ROOT / "slurm", site.folder / "slurm", ignore=shutil.ignore_patterns("site.yaml"))
    write_study(site.folder, study(cells(), name="my_study"))
    disk = site.folder / "disk"
    disk.mkdir()
    here = {"TMPDIR": str(disk), "SBATCH_PARTITION": site.partition}
    for commands, expected in steps("hpc.md", "## Checklist", "## Modules"):
        done = run("bash", "-ec", commands, cwd=site.folder, **{**site.cluster, **here})
        assert done.returncode == 0, done.stdout
        assert not missing(expected, done.stdout), done.stdout
    assert len(site.jobs()) == 3  # the pilot, Snakemake itself, and the job that trains
    found = json.loads((site.folder / "results/my_study/pilot/cpu/smallcnn-digits.json").read_text())
    printed = noisegrid("plan", "my_study.yaml", cwd=site.folder).stdout
    assert f"device time: {duration(4 * found['seconds_per_replicate'])}\n" in printed
    log = (site.folder / "results/my_study/logs/chunks/cpu/smallcnn-digits/0-1.log").read_text()
    assert f"of datasets to {disk}/noisegrid-" in log and not list(disk.glob("noisegrid-*"))


#: A library with one GPU on each of two nodes, and no driver elsewhere (9: NVML_ERROR_DRIVER_NOT_LOADED).
NVML = """
#include <stdlib.h>
#include <string.h>
static const char *node(void) { const char *name = getenv("SLURMD_NODENAME"); return name ? name : ""; }
static int is_first(void) { return !strcmp(node(), "FIRST"); }
int nvmlInitWithFlags(unsigned flags) { return is_first() || !strcmp(node(), "SECOND") ? 0 : 9; }
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 1; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) { *handle = (void *)1; return 0; }
int nvmlDeviceGetUUID(void *handle, char *text, unsigned size) {
    strcpy(text, is_first() ? "GPU-1" : "GPU-2"); return 0; }
int nvmlDeviceGetName(void *handle, char *text, unsigned size) {
    strcpy(text, is_first() ? "Tesla V100-SXM2-16GB" : "NVIDIA A100-SXM4-40GB"); return 0; }
"""


@scenario
def node_with_another_gpu(site, calm):
    """The first node is refused and the job goes to the next.

    The driver's library is a stand-in: the first node has a V100. There is no CUDA here, so the right node cannot
    train.
    """
    library = Path(site.cluster["LD_LIBRARY_PATH"], "libnvidia-ml.so.1")
    library.parent.mkdir(exist_ok=True)
    first, second = (site.partition + letter for letter in "ab")
    source = NVML.replace("FIRST", first).replace("SECOND", second)
    build = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)]
    subprocess.run(build, input=source, text=True, check=True, capture_output=True)
    write_study(site.folder, study(cells("smallcnn-digits", "control", hardware="a100"), name="wrong"))
    target = "results/wrong/chunks/a100/smallcnn-digits/0-1.json"
    done = site.run(target, study=site.folder / "wrong.yaml")
    assert [job["NodeList"] for job in site.jobs()] == [first, second, second], done.stdout
    refused = site.folder / "results/wrong/refused/a100"
    assert [path.name for path in refused.iterdir()] == [first]
    assert "requires GPU model A100, but the scheduler assigned Tesla V100" in (refused / first).read_text()
    log = (site.folder / "results/wrong/logs/chunks/a100/smallcnn-digits/0-1.log").read_text()
    assert "PyTorch sees no GPU" in log


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A SLURM with a partition of two nodes for every scenario; the environment in which its commands work."""
    if shutil.which("slurmctld") is None:
        if os.environ.get("CI"):
            pytest.fail("SLURM is missing on CI: .ci/run installs it")
        pytest.skip("SLURM is not installed (Debian: slurmctld slurmd slurm-client)")
    folder = tmp_path_factory.mktemp("slurm")
    partitions = [MAIN, *map(partition_of, SCENARIOS)]
    nodes = [f"{name}{letter}:a100:a100:1:2:16000:{name}" for name in partitions for letter in "ab"]
    words = [word for node in nodes for word in ("--node", node)]
    command = [ROOT / ".ci/slurm-up.sh", folder, "--port", "37800", "--partition", MAIN, *words]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    path = f"{folder}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
    yield {
        "PATH": path,
        "SLURM_CONF": f"{folder}/etc/slurm.conf",
        "LAB": str(folder),
        "LD_LIBRARY_PATH": f"{folder}/lib",
    }
    subprocess.run([ROOT / ".ci/slurm-down.sh", folder, "--purge"], check=False, capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def under_way(request, cluster, undisturbed, tmp_path_factory) -> Iterator[dict[str, Future[None]]]:
    """The scenarios that this session tests, some at a time, each in a folder of its own."""
    calm = outcome(undisturbed, "long")
    asked = {item.name for item in request.session.items}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            name: pool.submit(function, Site(tmp_path_factory.mktemp(name), partition_of(name), cluster), calm)
            for name, function in SCENARIOS.items()
            if f"test_scenario[{name}]" in asked
        }


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=getattr(function, "pytestmark", ())) for name, function in SCENARIOS.items()],
)
def test_scenario(name, under_way):
    under_way[name].result()


def test_a_study_runs_from_submission_to_figures(under_way, cluster, finished, tmp_path):
    """Every rule on SLURM, to the same bits and tables as on this machine alone."""
    site = Site(tmp_path, MAIN, cluster)
    done = site.run(study=TINY)
    assert done.returncode == 0, done.stdout
    assert outcome(tmp_path, "tiny") == outcome(finished, "tiny") and len(hashes(tmp_path, "tiny")) == 65
    assert all((tmp_path / "results/tiny" / name).exists() for name in ("report.html", "figures/figure_1.png"))
    # four tasks, and one job that times two networks; all that is light ran where Snakemake ran
    assert len(site.jobs()) == 5
    assert "Nothing to be done" in run(*site.command(study=TINY), "-n", cwd=tmp_path, **cluster).stdout


def test_the_quick_study_is_planned(under_way, cluster, tmp_path):
    """Jobs of three tasks and of the crossed cell, one job that times networks; the tiny study runs the same rules."""
    done = run(*Site(tmp_path, MAIN, cluster).command(study="quick"), "-n", cwd=tmp_path, **cluster)
    counts = dict(line.split() for line in done.stdout.splitlines() if len(line.split()) == 2)
    assert (counts["train_replicates"], counts["time_networks"], counts["measure_task"]) == ("5", "1", "3"), done.stdout
