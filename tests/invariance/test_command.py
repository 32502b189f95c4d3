"""`noisegrid invariance` as a user types it."""

import json
import shlex
import shutil
from pathlib import Path

import pytest
from conftest import noisegrid

from noisegrid.cli import invariance, main

HERE = Path(__file__).resolve().parent


@pytest.mark.slow
def test_the_example_of_the_help_runs(tmp_path):
    done = noisegrid(*shlex.split(invariance.EXAMPLE)[1:], "--figure", tmp_path / "x.png", cwd=tmp_path)
    assert done.returncode in (0, 3), done.stdout
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    first, *rows = done.stdout.splitlines()
    assert first.startswith("smallcnn, weights drawn from seed 0; reference: batches of 64, 1 thread, fp32")
    assert [" ".join(row.split()[:3]) for row in rows[2:5]] == ["batch size 1", "batch size 2", "batch size 8"]


def test_findings_are_printed_and_are_the_exit_code(tmp_path):
    options = ("--examples", 10, "--batch-sizes", "1,4", "--threads", 1)
    done = noisegrid("invariance", "planted:alone", *options, "--output", tmp_path / "found.json", cwd=HERE)
    assert done.returncode == 3, done.stdout
    (row,) = [line.split("  ") for line in done.stdout.splitlines() if line.startswith("batch size 1")]
    assert [word.strip() for word in row if word][:4] == ["batch size 1", "10", "100.0%", "0"]
    assert row[-1].strip() == "planted: mul"
    again = noisegrid("invariance", tmp_path / "found.json", "--figure", tmp_path / "found.svg")
    assert (again.returncode, again.stdout) == (3, done.stdout)
    assert "planted:alone" in (tmp_path / "found.svg").read_text()
    done = noisegrid("invariance", "planted:clean", *options, "--json", cwd=HERE)
    assert done.returncode == 0, done.stdout
    assert not json.loads(done.stdout)["changed"]


@pytest.mark.slow
def test_a_record_is_evaluated_with_its_weights(finished, datasets, tmp_path):
    record = min(finished.glob("results/*/replicates/cpu/*/control/*/record.json"))
    options = ("--examples", 64, "--batch-sizes", "1,32", "--threads", 1, "--datasets", datasets, "--json")
    without_weights = shutil.copytree(record.parent, tmp_path / "copy")
    (without_weights / "weights.npy").unlink()
    found = []
    for path in (record, without_weights):
        done = noisegrid("invariance", path, *options)
        assert done.returncode in (0, 3), done.stdout
        found.append(json.loads(done.stdout))
    assert found[0]["conditions"] == found[1]["conditions"]
    assert [one["weights"] for one in found] == ["weights of the record", "weights of the record, trained again"]


@pytest.mark.parametrize(
    ("arguments", "sentence", "code"),
    [
        (["smallcn"], "unknown network or task 'smallcn'; did you mean 'smallcnn'?", 2),
        (["smallcnn", "--batch-sizes", "1,0"], "--batch-sizes: '1,0' is no list of whole numbers above 0", 2),
        (["smallcnn", "--threads", "two"], "--threads: 'two' is no list of whole numbers above 0", 2),
        (["smallcnn", "--examples", "64"], "--examples: 64 examples are less than two batches of 64", 2),
        (["smallcnn", "--figure", "x.txt"], "--figure: x.txt ends with none of .png, .svg, .pdf", 2),
        (["smallcnn-digits", "--datasets", "none"], "there is no prepared dataset none/digits; run Snakemake", 6),
        (["none.json"], "none.json cannot be read as a result of invariance", 1),
        (["own_network:missing"], "network own_network:missing: cannot be imported", 6),
    ],
)
def test_bad_input_is_one_sentence(capfd, arguments, sentence, code):
    assert main.main(["invariance", *arguments]) == code
    said = capfd.readouterr().err.strip()
    assert sentence in said
    assert "\n" not in said
