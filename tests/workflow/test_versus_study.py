"""A study that compares two methods: from replicates to the table, the sentence and the package."""

import pandas as pd
import pytest
from conftest import noisegrid, snakemake
from factories import cells, study, write_study

pytestmark = pytest.mark.slow
SHORT = {"epochs": 1, "schedule": []}
TASKS = {name: {"like": like, **SHORT} for name, like in (("plain", "smallcnn-digits"), ("norm", "smallcnn_bn-digits"))}


def test_two_methods_are_compared(tmp_path):
    blocks = [cells(task, "algo_impl", replicates=3) for task in TASKS]
    document = study(*blocks, tasks=TASKS, versus=[{"a": "plain", "b": "norm"}])
    path = write_study(tmp_path, document)
    done = snakemake(tmp_path, study=path.name)
    assert done.returncode == 0, done.stdout
    (row,) = pd.read_csv(tmp_path / "results/mine/tables/versus.csv").to_dict("records")
    assert (row["a"], row["b"], row["n_replicates"]) == ("plain", "norm", 3)
    metrics = pd.read_csv(tmp_path / "results/mine/metrics.csv")
    means = metrics[metrics["metric"] == "accuracy_mean"].set_index("task")["value"]
    assert row["difference_percentage_points"] == pytest.approx(means["norm"] - means["plain"], abs=1e-6)
    findings = (tmp_path / "results/mine/findings.md").read_text().splitlines()
    assert any("norm" in line and "plain" in line for line in findings), findings
    assert "Nothing to be done" in snakemake(tmp_path, "-n", study=path.name).stdout
    assert snakemake(tmp_path, "package", study=path.name).returncode == 0
    checked = noisegrid("verify", tmp_path / "results/mine/mine.crate.zip")
    assert checked.returncode == 0 and "metrics         same" in checked.stdout, checked.stdout
