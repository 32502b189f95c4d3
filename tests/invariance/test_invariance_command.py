"""`noisegrid invariance` as a user types it."""

import json
import shlex
import shutil
import sys
from pathlib import Path

import pytest
import torch
from conftest import noisegrid, run

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


#: Evaluates two full batches of a record, in batches of the size that training evaluates in.
AS_IN_TRAINING = """
import sys
from pathlib import Path
import numpy as np
from noisegrid.invariance.conditions import conditions
from noisegrid.invariance.processes import in_process
from noisegrid.invariance.side import answer
from noisegrid.invariance.subjects import prepare, subject_of
from noisegrid.records import record
from noisegrid.training.loader import EVALUATION_BATCH
folder, datasets, prepared = map(Path, sys.argv[1:])
subject = subject_of(str(folder), 2 * EVALUATION_BATCH, datasets)
in_process(prepare, subject, subject.flags(), prepared)
reference = conditions([EVALUATION_BATCH], [1], subject.flags())[0]
found = in_process(answer, subject, prepared, reference, None).logits
stored = np.asarray(record.read(folder).predictions()["logits"][: 2 * EVALUATION_BATCH])
print(found.bits.shape == stored.shape and bool((found.bits == stored.view(np.int32)).all()))
"""


@pytest.mark.slow
def test_the_evaluation_of_a_record_has_the_bits_of_its_training(finished, datasets, tmp_path):
    record = min(finished.glob("results/*/replicates/cpu/*/control/*/record.json"))
    done = run(sys.executable, "-c", AS_IN_TRAINING, record.parent, datasets, tmp_path / "prepared.pt")
    assert done.stdout == "True\n"


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
    torch.ones(8) @ torch.ones(8)  # a process that has computed, as a notebook has, does not matter
    assert main.main(["invariance", *arguments]) == code
    said = capfd.readouterr().err.strip()
    assert sentence in said
    assert "\n" not in said
