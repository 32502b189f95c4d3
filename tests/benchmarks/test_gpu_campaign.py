"""The campaign of benchmarks/gpu_campaign, on the CPU with a shortened clock."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, run

SHORT = Path(__file__).with_name("short_campaign.yaml")


def campaign(output: Path, plan: Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, ROOT / "benchmarks" / "gpu_campaign", "--plan", plan, "--output", output)


@pytest.mark.slow
def test_every_part_writes_its_table(tmp_path: Path) -> None:
    done = campaign(tmp_path, SHORT)
    summary = (tmp_path / "summary.md").read_text()
    # without a GPU, the tests of a GPU are skipped, and each says why
    for part in ("tests", "overhead", "replicates", "throughput"):
        assert f"| {part} | finished |" in summary, done.stdout
    tests = (tmp_path / "tests.csv").read_text()
    assert "skipped: this machine has no GPU" in tests
    overhead = rows(tmp_path / "overhead.csv")
    assert {row["arm"] for row in overhead if row["measure"] == "step"} == {"default", "deterministic"}
    replicates = rows(tmp_path / "replicates.csv")
    hashes = {noise: {r["weight_hash"] for r in replicates if r["noise"] == noise} for noise in ("control", "algo")}
    assert (len(replicates), len(hashes["control"]), len(hashes["algo"])) == (6, 1, 3)
    assert {row["metric"] for row in rows(tmp_path / "metrics.csv")} >= {"churn", "accuracy"}
    assert len(rows(tmp_path / "throughput.csv")) == 2 * 2  # two rounds of loop and bare step
    assert "| smallcnn-digits | control | 3 | 1 |" in summary


@pytest.mark.slow
@pytest.mark.release
def test_a_part_that_runs_out_of_time_keeps_what_it_has(tmp_path: Path) -> None:
    plan = yaml.safe_load(SHORT.read_text())
    plan["shares"] = {"tests": 0, "overhead": 0, "replicates": 0.35, "throughput": 0}  # of three minutes: 63 seconds
    plan["replicates"]["count"] = 1000  # which takes an hour
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan))
    campaign(tmp_path / "out", tmp_path / "plan.yaml")
    summary = (tmp_path / "out" / "summary.md").read_text()
    assert "| replicates | stopped at the deadline |" in summary
    assert summary.count("no time left") == 3
    finished = rows(tmp_path / "out" / "replicates.csv")
    assert 1 <= len(finished) < 1000
    assert not (tmp_path / "out" / "metrics.csv").exists()  # the cells are not complete


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
