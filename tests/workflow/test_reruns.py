"""A finished study that is changed: what is trained again, and what is refused."""

import json
import re
import shutil

import pytest
from conftest import TINY, snakemake

pytestmark = pytest.mark.slow


def test_control_that_differs_stops_the_run_and_names_the_two(copy_of_finished):
    """A control replicate that is another network: planted by moving one from an `order` cell, with its record."""
    from noisegrid.study.study import digest

    cell = copy_of_finished / "results/tiny/replicates/cpu/tiny-digits"
    shutil.rmtree(cell / "control/2")
    shutil.copytree(cell / "order/2", cell / "control/2")
    record = json.loads((cell / "control/2/record.json").read_text())
    control = json.loads((cell / "control/1/record.json").read_text())
    record |= {key: control[key] for key in ("cell", "settings", "settings_digest")}
    record["record_digest"] = digest({key: value for key, value in record.items() if key != "record_digest"})
    (cell / "control/2/record.json").write_text(json.dumps(record))
    chunk = copy_of_finished / "results/tiny/chunks/cpu/0-3.json"
    content = json.loads(chunk.read_text())
    content["cells"]["cpu/tiny-digits/control"]["weight_hashes"]["2"] = record["weight_hash"]
    content["digest"] = digest(content["cells"])
    chunk.write_text(json.dumps(content))
    done = snakemake(copy_of_finished)
    assert done.returncode != 0
    assert "control/0 and results/tiny/replicates/cpu/tiny-digits/control/2 differ in weight_hash" in done.stdout


def test_a_missing_replicate_is_trained_again_to_the_same_bits(copy_of_finished):
    results = copy_of_finished / "results/tiny"
    before = (results / "metrics.csv").read_bytes()
    shutil.rmtree(results / "replicates/cpu/tiny_bn-digits/algo/1")
    (results / "chunks/cpu/0-3.json").unlink()
    done = snakemake(copy_of_finished, "results/tiny/chunks/cpu/0-3.json")
    assert done.returncode == 0, done.stdout
    done = snakemake(copy_of_finished)
    assert done.returncode == 0, done.stdout
    assert (results / "metrics.csv").read_bytes() == before
    log = (results / "logs/chunks/cpu/0-3.log").read_text()
    assert re.findall(r"replicate (\d) of (\S+):", log) == [("1", "cpu/tiny_bn-digits/algo")]


def test_more_replicates_train_only_the_new_ones(copy_of_finished):
    study = copy_of_finished / "more.yaml"
    study.write_text(TINY.read_text().replace("replicates: 3", "replicates: 5"))
    done = snakemake(copy_of_finished, "results/tiny/cells/cpu/tiny-digits.csv", study=study)
    assert done.returncode == 0, done.stdout
    log = (copy_of_finished / "results/tiny/logs/chunks/cpu/0-4.log").read_text()
    assert set(re.findall(r"replicate (\d) of", log)) == {"3", "4"}


def test_results_of_other_settings_are_refused_before_any_work(copy_of_finished):
    study = copy_of_finished / "other.yaml"
    study.write_text(TINY.read_text().replace("epochs: 2", "epochs: 3"))
    done = snakemake(copy_of_finished, study=study)
    assert done.returncode == 1
    assert "task.epochs: 2 -> 3" in done.stdout and "give the study another name" in done.stdout
    assert "Traceback" not in done.stdout
