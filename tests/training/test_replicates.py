"""Noise isolation on real runs: what is held is equal to the bit, what is free is not, and any run can be run again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT, TINY, noisegrid, run
from factories import cells, write_study
from factories import study as study_of

from noisegrid.study import design
from noisegrid.study.resolve import load_study
from noisegrid.study.sources import FREE

pytestmark = pytest.mark.slow


def records(finished: Path, task: str, noise: str) -> list[dict]:
    folder = finished / "results/tiny/replicates/cpu" / task / noise
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*/record.json"))]


def hashes(finished: Path, task: str, noise: str, key: str = "weight_hash") -> set[str]:
    return {record[key] for record in records(finished, task, noise)}


@pytest.mark.parametrize("task", ["tiny-digits", "tiny_bn-digits"])
@pytest.mark.parametrize("noise", ["algo_impl", "algo", "impl", "init", "order", "augment"])
def test_every_source_alone_changes_the_weights(finished, task, noise):
    assert len(hashes(finished, task, noise)) == 3


@pytest.mark.parametrize("task", ["tiny-digits", "tiny_bn-digits", "tiny_dropout-digits"])
def test_control_is_one_network(finished, task):
    assert len(hashes(finished, task, "control")) == 1


def test_dropout_alone_changes_the_weights(finished):
    assert len(hashes(finished, "tiny_dropout-digits", "dropout")) == 3


def test_held_init_is_the_same_network_before_the_first_step(finished):
    """Also where `impl` is free: initialisers round differently under other instruction sets, so they run held."""
    started = set[str]()
    for noise in ("impl", "control", "order", "augment"):
        started |= hashes(finished, "tiny-digits", noise, "initial_weight_hash")
    assert len(started) == 1
    assert len(hashes(finished, "tiny-digits", "init", "initial_weight_hash")) == 3
    elsewhere = finished / "results/tiny/replicates/cpu_sse41/tiny-digits/control/0/record.json"
    assert json.loads(elsewhere.read_text())["initial_weight_hash"] in started  # and on every hardware


def test_probes_alone_change_the_weights_and_pairs_hold_their_own_seeds(finished):
    for noise in ("in_batch_order", "one_ulp"):
        assert len(hashes(finished, "tiny-digits", noise)) == 4
        assert len(hashes(finished, "tiny-digits", noise, "initial_weight_hash")) == 2


def test_only_what_is_free_differs_between_records(finished):
    for noise in ("algo", "init", "order", "augment", "impl"):
        first, second = records(finished, "tiny-digits", noise)[:2]
        differing = {source for source in first["seeds"] if first["seeds"][source] != second["seeds"][source]}
        assert differing == FREE[noise]
        assert (first["flags"] != second["flags"]) == ("impl" in FREE[noise])


@pytest.mark.parametrize("noise", ["algo_impl", "algo", "impl", "control"])
def test_any_replicate_can_be_run_again_from_its_record(finished, noise):
    path = f"results/tiny/replicates/cpu/tiny_bn-digits/{noise}/1/record.json"
    done = noisegrid("replay", path, cwd=finished)
    assert done.returncode == 0, done.stdout
    assert "same bits" in done.stdout


def test_one_process_replays_several_runs(finished):
    """Libraries read their switches once, so each replay has a process of its own; an error is that of the caller."""
    script = (
        "from noisegrid.cli.main import main\n"
        "record = 'results/tiny/replicates/cpu/tiny-digits/impl/{}/record.json'.format\n"
        "print([main(['replay', record(number)]) for number in (0, 1, 0)])\n"
        "print(main(['replay', record(0), '--datasets', 'none']))"
    )
    done = run(sys.executable, "-c", script, cwd=finished)
    assert done.returncode == 0 and done.stdout.count("same bits\n") == 3, done.stdout
    assert "[0, 0, 0]\n" in done.stdout and "there is no prepared dataset none/digits" in done.stdout


def test_replay_of_another_run_is_other_bits_and_says_what_differs(finished, tmp_path):
    """The negative control of the check itself."""
    done = replay_edited(finished, tmp_path, {}, order=1)
    assert done.returncode == 1
    assert "other bits" in done.stdout and "what differs" in done.stdout


@pytest.mark.parametrize(
    ("device", "code", "said"),
    [
        ({"model": "Intel(R) Xeon(R) Processor"}, 6, "Intel(R) Xeon(R) Processor, "),
        (
            {"host_processor": "GenuineIntel family 6 model 106, L1d 48K, L2 1280K"},
            6,
            "GenuineIntel family 6 model 106",
        ),
        ({}, 1, ""),  # the same processor: a failure
    ],
)
def test_other_bits_on_another_processor_model_are_expected(finished, tmp_path, device, code, said):
    done = replay_edited(finished, tmp_path, device, order=1)
    assert done.returncode == code and "\nother bits\n" in done.stdout, done.stdout
    sentence = [line for line in done.stdout.splitlines() if line.startswith("another processor model: ")]
    assert len(sentence) == (code == 6) and said in "".join(sentence)
    assert all(line.endswith("other bits are expected; noisegrid fingerprint shows where") for line in sentence)


def test_another_commit_with_the_same_code_explains_nothing(finished, tmp_path):
    done = replay_edited(finished, tmp_path, {}, order=1, commit="0" * 40)
    assert done.returncode == 1 and "nothing that the record knows of" in done.stdout, done.stdout


def test_the_same_bits_on_another_processor_model_are_the_same_bits(finished, tmp_path):
    done = replay_edited(finished, tmp_path, {"model": "Intel(R) Xeon(R) Processor"}, order=0)
    assert done.returncode == 0 and "same bits" in done.stdout, done.stdout


def replay_edited(
    finished: Path, tmp_path: Path, device: dict, order: int, commit: str | None = None
) -> subprocess.CompletedProcess:
    """Replay a copy of a replicate whose record names another device or commit, and has another seed of `order`."""
    from noisegrid.study.study import digest

    folder = shutil.copytree(finished / "results/tiny/replicates/cpu/tiny-digits/algo/0", tmp_path / "0")
    record = json.loads((folder / "record.json").read_text())
    record["device"] |= device
    record["seeds"]["order"] += order
    record["code"]["git_commit"] = commit or record["code"]["git_commit"]
    record["record_digest"] = digest({key: value for key, value in record.items() if key != "record_digest"})
    (folder / "record.json").write_text(json.dumps(record))
    return noisegrid("replay", folder / "record.json", cwd=finished)


def test_dropout_masks_do_not_depend_on_the_instruction_set():
    """Else `impl` would contain dropout noise. Each setting in a process of its own, since libraries look only once."""
    script = "import torch as t; t.manual_seed(0); print(t.nn.functional.dropout(t.ones(64, 512), 0.3).nonzero().sum())"
    masks = {run(sys.executable, "-c", script, ATEN_CPU_CAPABILITY=isa).stdout for isa in ("default", "avx2", "avx512")}
    assert len(masks) == 1


def train(
    study: Path, datasets: Path, results: Path, task: str = "tiny-digits", numbers: str = "0-2"
) -> subprocess.Popen:
    options = [study, "--hardware", "cpu", "--replicates", f"{task}/{numbers}"]
    options += ["--results", results, "--datasets", datasets, "--output", results / "chunk.json"]
    return subprocess.Popen(
        [sys.executable, "-m", "noisegrid", "train", *map(str, options)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "workflow"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def one_task(folder: Path, recipe: dict, noise: list[str], replicates: int) -> Path:
    """Write a study of one task, whose recipe differs from the smallest task's in some keys."""
    tasks = {"x-digits": {"like": "smallcnn-digits", **recipe}}
    return write_study(
        folder, study_of(cells("x-digits", *noise, replicates=replicates), name="one", seed=3, tasks=tasks)
    )


def test_a_loss_that_is_no_number_fails_the_replicate_and_no_other(datasets, tmp_path):
    """A rate at which some seeds blow up is found by trying; here all blow up, and the chunk still comes to its end."""
    recipe = {"optimizer": {"name": "adam", "learning_rate": 1.0e12, "epsilon": 1e-7}, "epochs": 3}
    study = one_task(tmp_path, recipe, ["algo"], 2)
    process = train(study, datasets, tmp_path, "x-digits", "0-1")
    output, _ = process.communicate()
    assert process.returncode == 0, output
    assert "replicate 0 of cpu/x-digits/algo diverged: the training loss is nan in epoch" in output
    assert json.loads((tmp_path / "chunk.json").read_text())["cells"]["cpu/x-digits/algo"] == {
        "weight_hashes": {},
        "diverged": [0, 1],
        "failed": [],
    }
    design.write(load_study(str(study)), tmp_path / "design.json")
    files = ["--chunks", tmp_path / "chunk.json", "--results", tmp_path, "--output", tmp_path / "cell.csv"]
    done = noisegrid("measure", tmp_path / "design.json", "--hardware", "cpu", "--task", "x-digits", *files)
    assert done.returncode == 1
    assert "0 of 2 replicates finished; a spread needs two" in done.stdout


def test_kill_9_loses_nothing_and_leaves_nothing_half_written(finished, datasets, tmp_path):
    for seconds in (4.0, 4.7, 5.5):
        process = train(TINY, datasets, tmp_path)
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        for record in tmp_path.glob("tiny/replicates/*/*/*/[0-9]*"):
            assert (record / "record.json").exists()  # what has its name is whole
    process = train(TINY, datasets, tmp_path)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    cells = json.loads((tmp_path / "chunk.json").read_text())["cells"]
    assert len(cells) == 9
    for path, chunk in cells.items():
        noise = path.rpartition("/")[2]
        calm = [record["weight_hash"] for record in records(finished, "tiny-digits", noise)]
        assert [chunk["weight_hashes"][number] for number in "012"] == calm[:3], noise
