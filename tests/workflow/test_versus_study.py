"""A study that compares two methods and evaluates one under other conditions: from replicates to report and package."""

import json
from pathlib import Path
from zipfile import ZipFile

import pandas as pd
import pytest
from conftest import noisegrid, snakemake
from factories import cells, study, write_study

from noisegrid.common.schemas import check

pytestmark = pytest.mark.slow
SHORT = {"epochs": 1, "schedule": []}
TASKS = {name: {"like": like, **SHORT} for name, like in (("plain", "smallcnn-digits"), ("norm", "smallcnn_bn-digits"))}
INFERENCE = {"task": "plain", "noise": "algo_impl", "batch_sizes": [1, 32], "threads": [1], "examples": 64}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The folder of the finished study."""
    place = tmp_path_factory.mktemp("versus")
    blocks = [cells(task, "algo_impl", replicates=3) for task in TASKS]
    document = study(*blocks, tasks=TASKS, versus=[{"a": "plain", "b": "norm"}], inference=[INFERENCE])
    done = snakemake(place, study=write_study(place, document).name)
    assert done.returncode == 0, done.stdout
    return place


def test_two_methods_are_compared(folder):
    (row,) = pd.read_csv(folder / "results/mine/tables/versus.csv").to_dict("records")
    assert (row["a"], row["b"], row["n_replicates"]) == ("plain", "norm", 3)
    metrics = pd.read_csv(folder / "results/mine/metrics.csv")
    means = metrics[metrics["metric"] == "accuracy_mean"].set_index("task")["value"]
    assert row["difference_percentage_points"] == pytest.approx(means["norm"] - means["plain"], abs=1e-6)
    findings = (folder / "results/mine/findings.md").read_text().splitlines()
    assert any("norm" in line and "plain" in line for line in findings), findings


def test_a_replicate_is_evaluated_under_other_conditions(folder):
    evaluation = folder / "results/mine/inference/cpu/plain"
    found = json.loads((evaluation / "algo_impl.json").read_text())
    check(found, "invariance", "algo_impl.json")
    assert (found["subject"], found["examples"]) == ("cpu/plain/algo_impl/0", 64)
    assert (evaluation / "algo_impl.txt").read_text().rstrip().endswith(found["sentence"])
    assert (evaluation / "algo_impl.png").read_bytes().startswith(b"\x89PNG")
    assert "4. Inference" in (folder / "results/mine/provenance.html").read_text()
    report = (folder / "results/mine/report.html").read_text()
    assert "<h2>Inference</h2>" in report and "cpu/plain/algo_impl" in report


def test_it_is_finished_and_its_package_is_verified(folder):
    assert "Nothing to be done" in snakemake(folder, "-n", study="mine.yaml").stdout
    assert snakemake(folder, "package", study="mine.yaml").returncode == 0
    package = folder / "results/mine/mine.crate.zip"
    names = {f"results/mine/inference/cpu/plain/algo_impl.{suffix}" for suffix in ("json", "txt", "png")}
    assert names <= set(ZipFile(package).namelist())
    checked = noisegrid("verify", package)
    assert checked.returncode == 0 and "metrics         same" in checked.stdout, checked.stdout
    assert "(inference/) were checked only by their checksums" in checked.stdout
