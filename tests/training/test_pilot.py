"""The pilot: what it measures by hand, and that jobs are packed by what it found."""

import itertools
import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import LONG, LONG_TABLES, ROOT, TINY, noisegrid, outcome, snakemake

from noisegrid.common.errors import NoisegridError
from noisegrid.planning import estimate, plan
from noisegrid.planning.summary import summary
from noisegrid.study.resolve import load_study
from noisegrid.training import pilot


class Time:
    """A clock that stands still unless it is told to go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(pilot.time, "perf_counter", lambda: self.now)

    def passes(self, seconds: float) -> None:
        self.now += seconds


def test_a_long_run_is_extrapolated_from_its_steps_and_one_evaluation(monkeypatch):
    time = Time(monkeypatch)

    def train(run, data, clock):
        training = SimpleNamespace(snapshot=lambda: time.passes(5))
        time.passes(7)  # until the first step
        for _ in itertools.count():
            time.passes(2)
            clock.visit(training)

    monkeypatch.setattr(pilot, "train", train)
    monkeypatch.setattr(pilot.machine, "device", lambda kind: {})
    task, hardware = SimpleNamespace(epochs=100, batch_size=32, context=None), SimpleNamespace(device="cpu")
    run = SimpleNamespace(task=task, hardware=hardware, cores=3)
    found = pilot.measure(run, SimpleNamespace(count=lambda part, context: 65))
    # 65 images are 3 steps an epoch; 31 steps of 2 s are the first that take longer than a minute
    assert found["seconds_per_replicate"] == 7 + 100 * 3 * 2 + 2 * 5
    assert found["steps"] == pilot.WARM_UP_STEPS + 31 and found["threads"] == 3


@pytest.mark.slow
def test_a_run_cut_short_in_earnest(datasets, tmp_path):
    """Real training, measured for a tenth of a second: it ends early and gives a duration that a whole run may have."""
    (tmp_path / "long.yaml").write_text(LONG)
    script = f"""
        import json
        from pathlib import Path
        from noisegrid.training import pilot
        from noisegrid.data.prepared import open_prepared
        from noisegrid.training.replicate import run_of
        from noisegrid.study.resolve import load_study
        pilot.MEASURED_S = 0.1
        cell = pilot.held(load_study("long.yaml").siblings("cpu", "long-digits"))
        print(json.dumps(pilot.measure(run_of(cell, 0), open_prepared(Path({str(datasets / "digits")!r})))))
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    environment = {"PYTHONPATH": str(ROOT / "workflow"), "PATH": ""}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert pilot.WARM_UP_STEPS < found["steps"] < 40 * 19 and found["seconds_per_replicate"] > 0.1


def packed(folder: Path, seconds: float, replicates: int = 1000, **changes: object) -> list[str]:
    """The jobs of a study of so many replicates and two noise sources, after a pilot."""
    (folder / "long.yaml").write_text(LONG.replace("replicates: 2", f"replicates: {replicates}"))
    study = load_study(str(folder / "long.yaml"))
    path = estimate.pilot_file(folder, study, "cpu", "long-digits")
    path.parent.mkdir(parents=True, exist_ok=True)
    found = {"of": study.pace_identity("cpu", "long-digits"), "seconds_per_replicate": seconds, "steps": 9}
    path.write_text(json.dumps(found | {"threads": 1, "device": {}, "software": {}} | changes))
    config = {"study": str(study.source), "results": str(folder), "datasets": "d", "threads_per_job": 2}
    return [chunk.name for chunk in plan.make(config).packing.chunks("cpu")]


def test_jobs_hold_what_fits_their_time_by_the_pilot(tmp_path):
    # 80 % of 240 minutes, two runs at a time: 384 minutes for two noise sources
    assert packed(tmp_path, seconds=60)[0] == "long-digits/0-191"
    assert packed(tmp_path, seconds=600)[0] == "long-digits/0-18"
    # where one of each does not fit, a job takes one source: 384 minutes are one replicate of 300 minutes
    assert packed(tmp_path, seconds=18_000)[0] == "long-digits/algo.0-0"
    assert packed(tmp_path, seconds=1e6)[-1] == "long-digits/control.999-999"


@pytest.mark.slow
@pytest.mark.release
def test_however_jobs_are_packed_the_study_is_the_same(undisturbed, tmp_path):
    """A job per replicate and source, where a pilot says that no more fits, against one job for all."""
    many = tmp_path / "many"
    many.mkdir()
    jobs = packed(many, seconds=1e6, replicates=2)
    assert jobs == [f"long-digits/{name}" for name in ("algo.0-0", "algo.1-1", "control.0-0", "control.1-1")]
    (many / "results").mkdir()
    (many / "long").rename(many / "results/long")  # where a study's pilot lies
    done = snakemake(many, *LONG_TABLES, study="long.yaml", job_per="task")
    assert done.returncode == 0, done.stdout
    assert {f"long-digits/{path.stem}" for path in many.rglob("chunks/cpu/long-digits/*.json")} == set(jobs)
    assert outcome(many, "long") == outcome(undisturbed, "long")
    assert snakemake(many, "package", study="long.yaml").returncode == 0
    done = noisegrid("verify", many / "results/long/long.crate.zip", cwd=many)
    assert done.returncode == 0, done.stdout


def test_a_job_that_trains_many_at_a_time_is_not_too_long(tmp_path):
    """Five runs of 40,000 s, sixteen side by side, are planned for within 80 % of a job's four hours."""
    packed(tmp_path, seconds=40_000)
    config = {"study": str(tmp_path / "long.yaml"), "results": str(tmp_path), "datasets": "d"}
    text = summary(plan.make(config | {"threads_per_job": 16}))
    assert "takes about 11.1 h, more than the 4 h of its first attempt" in text and "in total on SLURM" not in text
    found = estimate.Estimate("cpu", "long-digits", 2, 2000, estimate.Pace(40_000 / 3600, 1, True))
    alone = plan.make(config | {"threads_per_job": 1, "replicates_per_job": 5})
    assert alone.packing.longest_job_hours(found) == pytest.approx(5 * 2 * 40_000 / 3600)
    assert "takes about 111 h" in summary(alone)


def test_a_pilot_of_another_recipe_says_nothing(tmp_path):
    assert packed(tmp_path, seconds=60, of="another")[0] == "long-digits/0-9"


def test_a_broken_pilot_is_named_with_its_remedy(tmp_path):
    packed(tmp_path, seconds=60)
    (path,) = tmp_path.rglob("pilot/cpu/*.json")
    path.write_text(path.read_text()[:-9])
    with pytest.raises(NoisegridError, match=f"{re.escape(str(path))} cannot be read .*delete it"):
        estimate.estimates(load_study(str(tmp_path / "long.yaml")), tmp_path)
    with pytest.raises(NoisegridError, match="seconds_per_replicate: -1"):
        packed(tmp_path, seconds=-1)


@pytest.mark.slow
def test_snakemake_pilot_measures_what_the_plan_then_knows(tmp_path):
    before = noisegrid("plan", TINY, cwd=tmp_path)
    assert "device time: at least ~" in before.stdout  # of cpu_sse41, nothing is known
    assert "`snakemake pilot` measures" in before.stdout
    done = snakemake(tmp_path, "pilot")
    assert done.returncode == 0, done.stdout
    after = noisegrid("plan", TINY, cwd=tmp_path)
    assert "not known" not in after.stdout and "~" not in after.stdout  # all times are measured
    assert not (tmp_path / "results/tiny/replicates").exists()  # nothing of it counts as a replicate
    assert "Nothing to be done" in snakemake(tmp_path, "pilot").stdout
