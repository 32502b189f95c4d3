"""A study that keeps predictions alone: every metric of predictions and hashes, no metric of weights or logits."""

import re

import numpy as np
import pytest
from conftest import metrics, noisegrid, snakemake
from factories import cells, study, write_study

pytestmark = pytest.mark.slow

NOISE = ("algo_impl", "algo", "impl", "control")


def test_a_study_without_weights_and_logits(finished, tmp_path):
    """The same runs as in the tiny study, which keeps everything: equal hashes, and equal rows."""
    tasks = {"tiny-digits": {"like": "smallcnn-digits", "epochs": 2, "schedule": [[1, 0.1]]}}
    path = write_study(tmp_path, study(cells("tiny-digits", *NOISE, replicates=3), name="bare", tasks=tasks, keep=[]))
    done = snakemake(tmp_path, "all", "package", study=path)
    assert done.returncode == 0, done.stdout
    results = tmp_path / "results/bare"
    folder = results / "replicates/cpu/tiny-digits/impl/0"
    assert {file.name for file in folder.iterdir()} == {"record.json", "predictions.npz", "history.csv"}
    with np.load(folder / "predictions.npz") as arrays:
        assert set(arrays) == {"example_id", "label", "predicted", "midpoint_predicted"}
    kept = [row for row in metrics(finished) if (row["hardware"], row["task"]) == ("cpu", "tiny-digits")]
    whole = {(row["noise"], row["metric"], row["group"]): row["value"] for row in kept if row["noise"] in NOISE}
    bare = {(row["noise"], row["metric"], row["group"]): row["value"] for row in metrics(tmp_path, "bare")}
    lost = {metric for _, metric, _ in whole.keys() - bare.keys()}
    assert lost == {
        *("l2_raw", "l2_unit", "l2_raw_buffers", "l2_unit_buffers", "reference_l2_midpoint"),
        *("logit_correlation", "calibration_error"),
    }
    assert bare.keys() <= whole.keys()
    assert {key: whole[key] for key in bare} == bare
    assert (results / "figures/figure_1.png").stat().st_size > 0
    claims = (results / "tables/claims.csv").read_text()
    assert re.search(
        r"tiny-digits on cpu \(weights differ in 3 of 3 pairs;[^)]*control differs in 0 of 3 pairs\),reproduced", claims
    )
    checked = noisegrid("verify", results / "bare.crate.zip", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout
    again = noisegrid("replay", folder / "record.json", "--datasets", tmp_path / "resources/datasets", cwd=tmp_path)
    assert again.returncode == 0 and "same bits" in again.stdout, again.stdout


def test_keep_is_checked(tmp_path):
    path = write_study(tmp_path, study(cells(), keep=["weight"]))
    done = noisegrid("check", path, cwd=tmp_path)
    assert done.returncode == 1
    assert "keep" in done.stdout and "'weights'" in done.stdout, done.stdout
