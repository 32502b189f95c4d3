"""The worked example of every kind of dataset, as a user runs it: docs/example/kinds.yaml."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from conftest import ROOT, noisegrid, snakemake

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The folder of the finished study."""
    place = tmp_path_factory.mktemp("kinds")
    for name in ("kinds.py", "kinds.yaml"):
        shutil.copy(ROOT / "docs/example" / name, place)
    done = snakemake(place, study="kinds.yaml")
    assert done.returncode == 0, done.stdout
    return place


def values(folder: Path, task: str, noise: str) -> dict[tuple[str, str], float]:
    """Return the value of each metric and group of a cell."""
    with (folder / "results/kinds/metrics.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row["task"], row["noise"]) == (task, noise)]
    return {(row["metric"], row["group"]): float(row["value"] or "nan") for row in rows}


@pytest.mark.parametrize("task", ["diabetes", "strokes", "wide", "manuals", "regression"])
def test_every_kind_has_an_exact_control_and_noise(folder, task):
    control, algo = values(folder, task, "control"), values(folder, task, "algo")
    assert control["unequal_weights", "all"] == control["churn", "all"] == 0
    assert algo["unequal_weights", "all"] == 3 and algo["churn", "all"] > 0


def test_values_have_an_error_and_churn_by_tolerance(folder):
    found = values(folder, "diabetes", "algo")
    runs = [found["rmse", f"replicate {number}"] for number in range(3)]
    assert all(0.3 < error < 0.8 for error in runs) and found["rmse_std", "all"] > 0
    assert found["rmse_mean", "all"] == pytest.approx(sum(runs) / 3)
    assert not any(metric.startswith(("accuracy", "class_")) for metric, _ in found)
    record = json.loads((folder / "results/kinds/replicates/cpu/diabetes/algo/0/record.json").read_text())
    assert record["results"]["test_rmse"] == pytest.approx(runs[0])


def test_tokens_have_bits_and_are_counted_one_by_one(folder):
    """2,048 tokens are 63 windows of 32 and the tokens after them; the last 32 tokens have no token after the last."""
    found = values(folder, "manuals", "algo")
    assert all(4 < found["bits_per_token", f"replicate {number}"] < 7 for number in range(3))
    record = folder / "results/kinds/replicates/cpu/manuals/algo/0/record.json"
    assert noisegrid("replay", record, cwd=folder).returncode == 0
    text = (folder / "results/kinds/tables/noise.md").read_text()
    assert "bits_per_token" in text and "std_rmse" in text and "2,016 test examples" in text


def test_a_training_function_of_its_own_gets_the_seeds_and_is_replayed(folder):
    """Its two sources are drawn from their seeds alone, so init and order differ where they are free."""
    cell = folder / "results/kinds/replicates/cpu/regression/algo"
    records = [json.loads((cell / f"{number}/record.json").read_text()) for number in range(3)]
    assert len({record["weight_hash"] for record in records}) == 3
    assert all(80 < record["results"]["test_accuracy_percent"] < 100 for record in records)
    assert records[0]["settings"]["task"]["trainer"] == "kinds:softmax_regression"
    done = noisegrid("replay", cell / "2/record.json", cwd=folder)
    assert done.returncode == 0 and "same bits" in done.stdout, done.stdout
    done = noisegrid("diverge", cell / "0", cell / "1", cwd=folder)
    assert done.returncode != 0 and "trains with a function of its own, whose steps cannot be followed" in done.stdout


def test_the_crate_of_every_kind_verifies(folder):
    assert snakemake(folder, "package", study="kinds.yaml").returncode == 0
    done = noisegrid("verify", "results/kinds/kinds.crate.zip", cwd=folder)
    assert done.returncode == 0 and "metrics         same" in done.stdout, done.stdout


def test_a_text_shorter_than_its_context_is_one_sentence(folder, tmp_path):
    for name in ("kinds.py", "kinds.yaml"):
        shutil.copy(folder / name, tmp_path)
    study = tmp_path / "kinds.yaml"
    study.write_text(study.read_text().replace("context: 32", "context: 5000"))
    done = snakemake(tmp_path, study="kinds.yaml")
    sentence = (
        "its test part has 2048 tokens, which is not enough for a context of 5000; set `context` of the task to at most"
    )
    assert done.returncode != 0 and sentence in done.stdout, done.stdout
    assert not list(tmp_path.rglob("record.json"))
