"""Closed terminals, closed pipes and Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT, in_terminal, noisegrid, snakemake
from factories import cells, study, write_study

from noisegrid.common.progress import Progress, duration

#: What moves the cursor or sets a colour.
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

SAY = """
import sys, time
from noisegrid.common.progress import say
print("first", flush=True)
sys.stdin.readline()
for _ in range(3):
    say("nobody reads this")
open(sys.argv[1], "w").write("went on")
"""


def test_a_closed_pipe_ends_nothing(tmp_path):
    """The reader of the lines goes away, as with `snakemake | head -1`; work goes on and ends well."""
    command = [sys.executable, "-c", SAY, str(tmp_path / "end")]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow")}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)
    assert process.stdout.readline() == "first\n"
    process.stdout.close()
    process.stdin.write("\n")
    process.stdin.close()
    assert process.wait(60) == 0
    assert (tmp_path / "end").read_text() == "went on"


def test_progress_says_something_at_once_and_then_only_news(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    progress = Progress(100, "net on cpu", "epochs")
    for moment, done in ((9, 0), (11, 0), (25, 0), (30, 20), (31, 21), (41, 21), (100, 100)):
        now[0] = float(moment)
        progress.show(done)
    assert capsys.readouterr().out.splitlines() == [
        "net on cpu: 0 of 100 epochs",
        "net on cpu: 20 of 100 epochs, 2 min left",
        "net on cpu: 21 of 100 epochs, 3 min left",
        "net on cpu: 100 of 100 epochs, 0 s left",
    ]
    assert [duration(seconds) for seconds in (7, 90, 600, 12240)] == ["7 s", "90 s", "10 min", "3.4 h"]


@pytest.mark.slow
def test_a_terminal_shows_one_view_and_the_files_have_the_lines(undisturbed):
    sent = (undisturbed / "terminal.txt").read_text()
    frames = ANSI.sub("", sent)
    assert "0 of 2 cells" in frames and "2 of 2 cells" in frames and "all replicates are trained" in frames
    assert re.search(r"cpu/long-digits/(algo|control) [01] .* [0-9]+ of 40 +[0-9.]+ ", frames)  # epoch and loss
    assert "last finished: cpu/long-digits/" in frames and "jobs done; now: train replicates" in frames
    assert frames.rstrip().splitlines()[-1].startswith("Made: ")
    # what Snakemake and the jobs say otherwise
    for text in ("rule train_replicates:", "Job stats:", "replicates, "):
        assert text not in frames.split("0 of 2 cells")[1]
    (log,) = (undisturbed / ".snakemake/log").glob("*.log")
    assert "rule train_replicates:" in log.read_text()
    assert not list(undisturbed.rglob("*.progress"))


@pytest.mark.slow
def test_a_trained_study_needs_no_watching(undisturbed):
    done = noisegrid("status", "long.yaml", "--watch", cwd=undisturbed)
    lines = done.stdout.splitlines()
    assert lines[0] == "long: 2 of 2 cells and 4 of 4 replicates, 0 running"
    assert lines[-1].startswith("long: 2 of 2 cells and 4 of 4 replicates done") and done.returncode == 0


@pytest.mark.slow
def test_on_a_terminal_an_error_before_any_work_is_shown(tmp_path):
    path = write_study(tmp_path, study(name="held"))
    words = [sys.executable, "-m", "noisegrid", "run", path, "--"]
    code, sent = in_terminal(tmp_path, *words, "results/held/design.json", "--touch")
    assert code != 0 and "design.json" in sent and "MissingRule" in sent, sent


@pytest.mark.slow
@pytest.mark.release
def test_a_closed_terminal_ends_nothing_and_ctrl_c_loses_nothing(tmp_path):
    """SIGHUP is ignored by all processes; SIGINT ends in five lines, and the next call resumes."""
    tasks = {"t": {"like": "smallcnn-digits", "epochs": 150, "schedule": [[100, 0.1]]}}
    path = write_study(tmp_path, study(cells("t", "control", replicates=4), name="left", tasks=tasks))
    target = "results/left/metrics.csv"
    command = [sys.executable, "-m", "snakemake", target, "--snakefile", ROOT / "Snakefile", "--directory", tmp_path]
    command += ["--workflow-profile", ROOT / "profiles/default", "--config", f"study={path}", "checkpoint_minutes=0.01"]
    log = tmp_path / "terminal.txt"
    with log.open("w") as file:
        process = subprocess.Popen(
            list(map(str, command)), stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
        folder = tmp_path / "results/left/replicates/cpu/t/control"
        wait_until((folder / ".0.lock").exists)
        os.killpg(process.pid, signal.SIGHUP)
        wait_until(lambda: any(folder.glob("[0-9]*")))  # training went on
        wait_until(lambda: any(folder.glob(".[23].checkpoints/*.pt")))  # another one is in the middle of its epochs
        regular = set(folder.glob(".*.checkpoints/*.pt"))
        before = log.read_text()
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) != 0
    after = log.read_text().removeprefix(before).strip().splitlines()
    assert len(after) <= 5 and after[0].startswith("stopping: running replicates write a checkpoint"), after
    assert "of 4 replicates done; 0 running, 0 failed" in after[-1]
    assert set(folder.glob(".*.checkpoints/*.pt")) - regular
    done = snakemake(tmp_path, target, study=path)
    assert done.returncode == 0, done.stdout
    assert f"Made: {target}" in done.stdout
    log_of_job = (tmp_path / "results/left/logs/chunks/cpu/0-3.log").read_text()
    assert "failed" not in log_of_job
    assert len({line.split("weights ")[1] for line in log_of_job.splitlines() if "weights " in line}) == 1


def wait_until(condition, seconds=90):
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
