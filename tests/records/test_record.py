"""The replicate's folder: whole or not there, and every changed byte noticed and named."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, noisegrid
from factories import cells, record_of, study, write_study

from noisegrid.common import dependencies
from noisegrid.common.errors import NoisegridError
from noisegrid.common.provenance import code_digests
from noisegrid.planning import preflight
from noisegrid.records import belonging, record
from noisegrid.study.resolve import load_study
from noisegrid.study.study import Cell, digest

CELL = load_study("quick").cells[0]
SHORT = "0" * 16


def about() -> dict:
    return record_of(CELL)


def write(folder):
    arrays = {"label": np.zeros(4, np.int32), "logits": np.ones((4, 2), np.float32)}
    weights = {name: np.arange(3, dtype=np.float32) for name in ("weights", "midpoint_weights")}
    record.write(folder, about(), arrays, weights, [{"epoch": 0, "seconds": 1.0}])
    return folder


def test_round_trip(tmp_path):
    replicate = record.read(write(tmp_path / "0"))
    assert replicate.predictions()["logits"].shape == (4, 2)
    assert replicate.weights().tolist() == [0, 1, 2]
    assert replicate.parameters == 3
    assert [path.name for path in tmp_path.iterdir()] == ["0"]


def test_same_run_same_bytes(tmp_path):
    first, second = write(tmp_path / "a"), write(tmp_path / "b")
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()


@pytest.mark.parametrize("name", ["predictions.npz", "weights.npy", "history.csv"])
def test_a_truncated_edited_or_missing_file_is_named(tmp_path, name):
    for number, harm in enumerate(
        [
            lambda path: path.write_bytes(path.read_bytes()[:-1]),
            lambda path: path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:]),
            lambda path: path.unlink(),
        ]
    ):
        folder = write(tmp_path / str(number))
        harm(folder / name)
        with pytest.raises(NoisegridError, match=name):
            record.read(folder)


def test_an_edited_record_is_named(tmp_path):
    path = write(tmp_path / "0") / "record.json"
    content = json.loads(path.read_text())
    content["results"]["test_accuracy_percent"] = 99.0
    path.write_text(json.dumps(content))
    with pytest.raises(NoisegridError, match=r"record\.json was edited"):
        record.read(path.parent)
    path.write_text(path.read_text()[:100])
    with pytest.raises(NoisegridError, match="truncated or edited"):
        record.read(path.parent)


def trained(folder: Path, cell: Cell) -> None:
    """Write the first replicate of a cell into the results in a folder."""
    weights = {name: np.arange(3, dtype=np.float32) for name in ("weights", "midpoint_weights")}
    arrays = {"label": np.zeros(4, np.int32), "logits": np.ones((4, 2), np.float32)}
    record.write(record.replicate_folder(folder / "results", cell, 0), record_of(cell), arrays, weights, [{"epoch": 0}])


@pytest.mark.parametrize(
    ("before", "after", "remedy"),
    [
        ({"replicates": 9}, {"replicates": 10}, "write `seed_sets: 1` in its block of the study; otherwise, give"),
        ({"replicates": 10}, {"replicates": 12, "seed_sets": 2}, "write `seed_sets: 5` in its block of the study; "),
        ({"replicates": 10}, {"replicates": 8}, "write `seed_sets: 5` in its block of the study with at least 10 rep"),
    ],
)
def test_replicates_of_other_seed_sets_are_refused_and_can_be_kept(tmp_path, before, after, remedy):
    """A cell that has algo free holds no seeds, and can be enlarged as it is."""
    blocks = [cells("smallcnn-digits", "algo", "impl") | size for size in (before, after)]
    for cell in load_study(str(write_study(tmp_path, study(blocks[0])))).cells:
        if cell.noise == "impl" or "seed_sets" not in after:
            trained(tmp_path, cell)
    write_study(tmp_path, study(blocks[1]))
    done = noisegrid("plan", "mine.yaml", cwd=tmp_path)
    kept = re.search(r"`(seed_sets: (\d))`", remedy)
    change = f"(seed_sets: {kept[2]} -> {5 if after['replicates'] == 10 else after.get('seed_sets', 1)})"
    assert done.returncode == 1 and remedy in done.stdout and change in done.stdout, done.stdout
    assert done.stdout.count("\n") == 1 and "cpu/smallcnn-digits/impl" in done.stdout
    enough = {"seed_sets": int(kept[2]), "replicates": max(after["replicates"], 2 * int(kept[2]))}
    write_study(tmp_path, study(blocks[1] | enough | {"noise": ["impl"]}))
    done = noisegrid("plan", "mine.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_enlarging_a_cell_beyond_ten_replicates_changes_no_settings(tmp_path):
    for size in (10, 11, 25):
        found = load_study(str(write_study(tmp_path, study(cells("smallcnn-digits", "impl", replicates=size))))).cells
        if size == 10:
            trained(tmp_path, found[0])
        belonging.check_settings(tmp_path / "results", found)


def test_a_record_that_lacks_a_key_is_never_written(tmp_path):
    incomplete = {key: value for key, value in about().items() if key != "seeds"}
    with pytest.raises(NoisegridError, match="the key 'seeds' is missing"):
        record.write(tmp_path / "0", incomplete, {"label": np.zeros(1)}, {}, [{"epoch": 0}])
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing_half_written(tmp_path):
    """A real limit on file size, as a quota sets it: the write of the weights fails in the middle."""
    script = (
        "import sys; sys.path[:0] = ['tests', 'tests/records', 'workflow']; import numpy as np, resource, pathlib\n"
        "import test_record as t; from noisegrid.records import record\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "record.write(pathlib.Path(sys.argv[1]), t.about(), {'label': np.zeros(4, np.int32)},"
        " {'weights': np.zeros(1_000_000, np.float32)}, [{'epoch': 0}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "0"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "cannot write" in done.stderr
    assert not list(tmp_path.iterdir())


def test_other_settings_are_refused_with_what_changed(tmp_path):
    folder = write(tmp_path / "quick" / "replicates" / CELL.path / "0")
    belonging.check_settings(tmp_path, [CELL])
    content = record.read_record(folder)
    changed = json.loads(json.dumps(content["settings"]))
    changed["task"]["epochs"] = 99
    with pytest.raises(NoisegridError, match=r"task\.epochs: 99 -> 12"):
        belonging.check_belongs({**content, "settings": changed, "settings_digest": digest(changed)}, CELL, folder)


def test_a_record_of_protocol_1_is_named_and_refused(tmp_path):
    folder = write(tmp_path / "quick" / "replicates" / CELL.path / "0")
    content = record.read_record(folder)
    old = content["settings"] | {"protocol": 1}
    with pytest.raises(NoisegridError, match=rf"{folder} was trained with other settings .*\(protocol: 1 -> 2\)"):
        belonging.check_belongs({**content, "settings": old, "settings_digest": digest(old)}, CELL, folder)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("networks/paper", r"trained with other code of its network \(networks/\) \([0-9a-f]{16}; now [0-9a-f]{16}\)"),
        ("training/loader", r"trained with other training code \(study/seeds.py or training/\)"),
    ],
)
def test_a_cell_begun_with_other_code_is_told_before_any_work(tmp_path, monkeypatch, module, message):
    write(record.replicate_folder(tmp_path, CELL, 0))
    preflight.check_code(tmp_path, [CELL])
    package = Path(shutil.copytree(ROOT / "workflow/noisegrid", tmp_path / "noisegrid"))
    path = package / f"{module}.py"
    monkeypatch.setattr(preflight, "code_digests", lambda build: code_digests(build, package))

    edit(path, "\n# a remark\n")
    preflight.check_code(tmp_path, [CELL])
    edit(path, "\n\ndef another_network(classes, channels, size):\n    return None\n")
    if module == "networks/paper":
        preflight.check_code(tmp_path, [CELL])
        text = path.read_text()
        assert "for width in (16, 32, 32):" in text
        path.write_text(text.replace("for width in (16, 32, 32):", "for width in (16, 32, 64):"))
        dependencies._read.cache_clear()
    with pytest.raises(NoisegridError, match=message):
        preflight.check_code(tmp_path, [CELL])
    for number in range(1, CELL.replicates):
        write(record.replicate_folder(tmp_path, CELL, number))
    preflight.check_code(tmp_path, [CELL])  # there is nothing left to train
    assert record.is_complete(tmp_path, CELL, range(100)) and not record.is_complete(tmp_path / "no", CELL, [0])


def edit(path: Path, text: str) -> None:
    """Append a text to a module."""
    path.write_text(path.read_text() + text)
    dependencies._read.cache_clear()


def test_a_job_is_held_against_the_cells_first_replicate(tmp_path):
    belonging.check_shared(tmp_path, CELL, {"software.torch": "3"})  # there is none yet
    write(record.replicate_folder(tmp_path, CELL, 4))
    belonging.check_shared(tmp_path, CELL, {"software.torch": "2", "dataset.digest": SHORT})
    with pytest.raises(
        NoisegridError, match=r"trained with another software.torch \(2; now 3\).*delete .*algo_impl to train"
    ):
        belonging.check_shared(tmp_path, CELL, {"software.torch": "3"})


def test_with_the_installed_stack_all_packages_are_held_fixed(tmp_path):
    here = replace(CELL, settings=json.loads(json.dumps(CELL.settings)))
    here.settings["hardware"]["stack"] = "here"
    assert set(belonging.shared_keys(here)) - set(belonging.shared_keys(CELL)) == {"software.environment"}
    write(record.replicate_folder(tmp_path, CELL, 0))
    with pytest.raises(NoisegridError, match=rf"another software.environment \({SHORT}; now {'1' * 16}\)"):
        belonging.check_shared(tmp_path, here, {"software.environment": "1" * 16})
    assert record.versions_of(about() | {"settings": here.settings}) == f"torch 2, Python 3, environment {SHORT}"
    assert record.versions_of(about()) == "torch 2, Python 3"


def test_a_replicate_of_the_earlier_layout_is_refused(tmp_path):
    folder = record.replicate_folder(tmp_path, CELL, 0)
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(json.dumps({"noisegrid": "0.1.0", "files": {}}))
    with pytest.raises(NoisegridError, match=r"has version 1 of its format, .* noisegrid 0.1 reads it"):
        belonging.check_settings(tmp_path, [CELL])


def test_a_vector_is_read_slice_by_slice_and_keeps_no_file_open(tmp_path):
    write(tmp_path / "0")
    replicate = record.read(tmp_path / "0")
    vectors = [replicate.stored_weights() for _ in range(2000)]
    assert len(list(Path("/proc/self/fd").iterdir())) < 500
    assert len(vectors[0]) == 3
    for first, last in ((0, 3), (1, 2), (2, 9), (3, 3)):
        np.testing.assert_array_equal(vectors[7][first:last], np.arange(3, dtype=np.float32)[first:last])
