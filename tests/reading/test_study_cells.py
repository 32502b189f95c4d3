"""Replicates of noisegrid that are read from folders and from crates, and which of them cannot be judged together."""

import json
import lzma
import shutil
from pathlib import Path

import numpy as np
import pytest
from factories import ALGO, RESULTS, record_of, replicate, rewrite_record

from noisegrid.crate import archive
from noisegrid.reading import crates, metrics, replicates
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.sides import read_side
from noisegrid.reading.table import Choice
from noisegrid.records import chunk_file, record
from noisegrid.study.resolve import load_study

CELLS = {(cell.task, cell.noise): cell for cell in load_study("quick").cells}
PLAIN, OTHER = CELLS["smallcnn-digits", "algo"], CELLS["smallcnn_bn-digits", "algo"]
ORDER, CROSSED = CELLS["smallcnn-digits", "order"], CELLS["smallcnn-digits", "crossed"]
LABEL, PREDICTED = [0, 1, 2, 0], [0, 1, 1, 1]


@pytest.fixture
def results(tmp_path) -> Path:
    """Three replicates of one cell, of which the second makes no mistake."""
    for number in range(3):
        replicate(tmp_path / "results", PLAIN, number, LABEL, LABEL if number == 1 else PREDICTED)
    return tmp_path / "results"


def zipped(results, path, **design: object) -> Path:
    """Package results, with as much of a design as the reader of predictions needs."""
    about = results.parent / "noisegrid.json"
    about.write_text(json.dumps({"format": 3, **design}))
    files = {str(file.relative_to(results.parent)): file for file in results.rglob("*") if file.is_file()}
    archive.write(files | {"noisegrid.json": about}, path)
    return path


def read(path, **where):
    reader = crates if path.suffix == ".zip" else replicates
    return reader.read(path, Choice(where=tuple(where.items())))


def refusal(path, **where) -> str:
    with pytest.raises(CannotJudge) as caught:
        read(path, **where)
    return str(caught.value)


@pytest.fixture(params=["folder", "crate"])
def given(request, tmp_path):
    """Return a function that gives the path of results to read: the folder itself, or a crate of it."""
    return (lambda results: results) if request.param == "folder" else lambda r: zipped(r, tmp_path / "q.crate.zip")


# --- predictions -----------------------------------------------------------------------------------------------------


def test_predictions_and_names_of_each_replicate(results, given):
    tables = read(given(results))
    assert [table.constants["run"] for table in tables] == [f"quick/cpu/smallcnn-digits/algo/{k}" for k in range(3)]
    assert tables[0].constants == {
        "study": "quick",
        "hardware": "cpu",
        "task": "smallcnn-digits",
        "noise": "algo",
        "run": "quick/cpu/smallcnn-digits/algo/0",
        "replicate": "0",
        "outcome": "finished",
    }
    columns = {name: values.tolist() for name, values in tables[0].columns.items()}
    assert columns == {
        "example_id": [0, 1, 2, 3],
        "accuracy": [True, True, False, False],
        "predicted": PREDICTED,
        "label": LABEL,
    }
    assert [table.columns["accuracy"].mean() for table in tables] == [0.5, 1, 0.5]


def test_attributes_give_the_share_of_correct_ones(tmp_path):
    label = np.array([[0, 1, 1, 0], [1, 1, 1, 1]], np.uint8)
    predicted = np.array([[0, 1, 1, 0], [1, 0, 0, 1]], np.int16)
    arrays = {"example_id": np.arange(2), "label": label, "predicted": predicted, "midpoint_predicted": predicted}
    record.write(tmp_path / "0", record_of(PLAIN), arrays, {}, [{"epoch": 0}])
    (table,) = read(tmp_path)
    assert {name: values.tolist() for name, values in table.columns.items()} == {
        "example_id": [0, 1],
        "accuracy": [1.0, 0.5],
    }


def test_logits_become_predictions(tmp_path, given):
    logits = np.array([[0.1, 0.2], [3, -1]], np.float32)
    arrays = {"example_id": np.arange(2), "label": np.array([0, 0]), "logits": logits, "midpoint_logits": logits}
    folder = record.replicate_folder(tmp_path / "results", PLAIN, 0)
    weights = {"weights": np.zeros(3, np.float32)}
    record.write(folder, record_of(PLAIN), arrays, weights, [{"epoch": 0}])
    (table,) = read(given(tmp_path / "results"))
    assert table.columns["predicted"].tolist() == [1, 0] and table.columns["accuracy"].tolist() == [False, True]


@pytest.mark.parametrize("above", range(7))
def test_any_folder_from_that_of_a_replicate_to_that_of_all_results(results, above):
    path = record.replicate_folder(results, PLAIN, 1)
    for _ in range(above):
        path = path.parent
    assert replicates.recognizes(path)
    assert [table.constants["replicate"] for table in read(path)] == (["1"] if above == 0 else ["0", "1", "2"])


def test_paths_may_be_relative(results, monkeypatch):
    folder = record.replicate_folder(results, PLAIN, 0).parent
    monkeypatch.chdir(folder)
    assert len(read(Path())) == len(read(Path("../algo"))) == 3 and len(read(Path("2"))) == 1


def test_replicates_come_in_the_order_of_their_numbers(tmp_path):
    for number in (10, 9, 1):
        replicate(tmp_path, PLAIN, number, LABEL, PREDICTED)
    assert [table.constants["replicate"] for table in read(tmp_path)] == ["1", "9", "10"]


def test_other_folders_are_not_recognized(results, tmp_path):
    folder = record.replicate_folder(results, PLAIN, 0)
    assert not replicates.recognizes(folder / "record.json") and not replicates.recognizes(tmp_path / "missing")
    shutil.rmtree(results / "quick/replicates/cpu/smallcnn-digits/algo/0")
    for number in (1, 2):  # what is left of damaged replicates
        folder.with_name(str(number)).rename(folder.with_name(f".{number}.damaged"))
    assert not replicates.recognizes(results)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/record.json").write_text('{"artist": "Nina Simone"}')
    assert not replicates.recognizes(tmp_path / "other")
    assert not crates.recognizes(tmp_path) and not crates.recognizes(tmp_path / "missing.crate.zip")
    assert crates.recognizes(zipped(results, tmp_path / "q.crate.zip"))


# --- cells, seeds and lost replicates --------------------------------------------------------------------------------


def test_several_cells_need_a_choice(results, given):
    replicate(results, OTHER, 0, LABEL, LABEL)
    path = given(results)
    sentence = refusal(path)
    assert "differ in task (smallcnn-digits, smallcnn_bn-digits); choose" in sentence
    assert sentence.endswith("as in --where task=smallcnn-digits")
    assert len(read(path, task="smallcnn-digits")) == 3 and len(read(path, task="smallcnn_bn-digits")) == 1
    assert "unknown value of 'task': 'smallcnn-digit'; did you mean 'smallcnn-digits'?" in refusal(
        path, task="smallcnn-digit"
    )


def test_replicates_that_share_held_seeds_are_refused(tmp_path, given):
    for number in range(7):  # of five seed sets
        replicate(tmp_path / "results", ORDER, number, LABEL, PREDICTED)
    path = given(tmp_path / "results")
    assert "order: replicates 0 and 5 share the seeds that seed set 0 holds" in refusal(path)
    tables = read(path, repeat="0")
    assert [table.constants["seed_set"] for table in tables] == ["0", "1", "2", "3", "4"]
    assert [table.constants["replicate"] for table in read(path, repeat="1")] == ["5", "6"]
    assert [table.constants["replicate"] for table in read(path, seed_set="1")] == ["1", "6"]  # of one seed set alone


def test_replicates_of_a_crossed_cell_are_refused(tmp_path, given):
    for number in range(3):
        replicate(tmp_path / "results", CROSSED, number, LABEL, PREDICTED)
    path = given(tmp_path / "results")
    assert "crossed cell share seeds on purpose" in refusal(path)
    assert len(read(path, replicate="2")) == 1


@pytest.mark.parametrize(
    ("cell", "message"), [(ORDER, "replicates 0 and 5 share the seeds"), (CROSSED, "share seeds on purpose")]
)
def test_replicates_that_are_named_one_by_one_are_checked_like_their_folder(tmp_path, cell, message):
    folders = [str(replicate(tmp_path / "results", cell, number, LABEL, PREDICTED)) for number in range(7)]
    for paths in (folders, [str(Path(folders[0]).parent)]):
        with pytest.raises(CannotJudge, match=message):
            read_side(paths, Choice())
    assert len(read_side(folders[:1], Choice())) == 1


def test_independent_replicates_may_be_named_one_by_one(tmp_path):
    folders = [str(replicate(tmp_path / "results", ORDER, number, LABEL, PREDICTED)) for number in range(7)]
    runs = read_side(folders[:5], Choice())  # of five seed sets
    assert len(runs) == 5 and not any("conditional" in read.what for read in runs.read)
    of_one_set = read_side([folders[0], folders[5]], Choice())
    assert all(read.what.endswith("conditional on one seed set") for read in of_one_set.read)
    assert len(read_side(folders, Choice(where=(("repeat", "0"),)))) == 5


def test_replicates_without_results_are_named(results, given):
    listed = [(PLAIN, number) for number in range(5)]
    chunk_file.write(
        results / "quick/chunks/cpu/smallcnn-digits.json", results, listed, diverged=[listed[4]], failed=[listed[3]]
    )
    path = given(results)
    sentence = refusal(path)
    assert "quick/cpu/smallcnn-digits/algo: some replicates have no result: 1 diverged (4) and 1 failed (3)" in sentence
    assert "--where outcome=finished on both sides" in sentence
    assert len(read(path, outcome="finished")) == 3
    assert len(read(record.replicate_folder(results, PLAIN, 0))) == 1  # a replicate that is named is meant


def test_a_failure_is_noticed_without_chunk_files(results):
    folder = record.replicate_folder(results, PLAIN, 7)
    record.failure_file(folder).write_text("out of memory")
    assert "1 failed (7)" in refusal(folder.parent)


def test_a_replicate_that_finished_after_all_is_not_lost(results):
    listed = [(PLAIN, number) for number in range(3)]
    chunk = results / "quick/chunks/cpu/smallcnn-digits.json"
    chunk_file.write(chunk, results, listed, failed=[listed[2]])
    assert len(read(results)) == 3
    chunk.write_text('{"cells": {"cpu/smallcnn-digits/algo": {"diverged": "many"}}}')
    assert f"{chunk} is damaged" in refusal(results)


# --- damage and hostile crates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda folder: (folder / "predictions.npz").write_bytes(b"PK"), "predictions.npz does not match its record"),
        (lambda folder: (folder / "predictions.npz").unlink(), "predictions.npz is missing"),
        (lambda folder: (folder / "record.json").write_text("{"), "record.json was changed: it is not JSON"),
        (lambda folder: (folder / "record.json").write_text("[]"), "record.json is damaged"),
        (lambda folder: (folder / "record.json").write_text('{"format": 3}'), "record.json is damaged"),
        (lambda folder: (folder / "record.json").write_text(" " * 2_000_000), "has 2,000,000 bytes"),
        (lambda folder: (folder / "record.json").write_text('{"format": 9}'), "has version 9 of its format"),
    ],
)
def test_damaged_replicates_are_named(results, given, harm, words):
    folder = record.replicate_folder(results, PLAIN, 1)
    harm(folder)
    path = given(results)
    sentence = refusal(path)
    assert words in sentence and "algo/1/" in sentence and "\n" not in sentence
    assert sentence.startswith(f"{path}: results/quick/" if path.suffix == ".zip" else f"{path}/quick/"), sentence


def test_an_edited_record_is_named(results):
    path = record.replicate_folder(results, PLAIN, 1) / "record.json"
    path.write_text(path.read_text().replace('"replicate": 1', '"replicate": 7'))
    assert f"{path} was edited" in refusal(results)


def test_damaged_weights_and_history_are_not_read(results):
    (record.replicate_folder(results, PLAIN, 1) / "history.csv").write_text("other")
    assert len(read(results)) == 3


@pytest.mark.parametrize("hardware", ["../../../secrets", "/"])
def test_names_in_a_record_lead_to_no_other_folder(results, hardware):
    other = results.parent / "secrets"
    other.mkdir()
    (other / "chunk.json").write_text("not JSON")
    for number in range(3):
        rewrite_record(
            record.replicate_folder(results, PLAIN, number), lambda content: content["cell"].update(hardware=hardware)
        )
    assert all(table.constants["hardware"] == hardware for table in read(results))


def test_predictions_that_would_be_unpickled_or_expand_are_refused(results, given):
    folder = record.replicate_folder(results, PLAIN, 1)
    np.savez_compressed(folder / "predictions.npz", label=np.zeros(10**6, np.int32))
    rewrite_record(folder, lambda content: None)
    assert "predictions.npz is compressed" in refusal(given(results))
    np.savez(folder / "predictions.npz", label=np.array([{}], object))
    rewrite_record(folder, lambda content: None)
    assert "is a pickle" in refusal(given(results))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "it is empty"), (b"PK\3\4 and no more", "it is truncated or damaged"), (b"a,b\n1,2\n", "it is not a zip")],
)
def test_other_files_with_the_name_of_a_crate_are_refused(tmp_path, content, words):
    path = tmp_path / "x.crate.zip"
    path.write_bytes(content)
    assert refusal(path).startswith(f"{path} cannot be opened as a crate: {words}")


def test_crates_of_others_and_of_earlier_releases_are_refused(results, tmp_path):
    path = tmp_path / "x.crate.zip"
    archive.write({"ro-crate-metadata.json": record.replicate_folder(results, PLAIN, 0) / "record.json"}, path)
    assert "this is not a crate of noisegrid" in refusal(path)
    shutil.rmtree(results)
    results.mkdir()
    assert "this crate has no replicates" in refusal(zipped(results, path))
    old = Path(__file__).parents[1] / "crate/old_crates/format1.crate.zip.xz"
    path.write_bytes(lzma.decompress(old.read_bytes()))
    assert "a crate of a study, has version 1 of its format" in refusal(path) and "noisegrid 0.1" in refusal(path)


def test_only_what_is_needed_is_unpacked(results, tmp_path, monkeypatch):
    replicate(results, OTHER, 0, LABEL, LABEL)
    (record.replicate_folder(results, PLAIN, 0) / "weights.npy").write_bytes(b"0" * 10_000)
    path, names = zipped(results, tmp_path / "q.crate.zip"), list[str]()
    unpack = archive.unpack

    def noted(path, folder, wanted):
        found = unpack(path, folder, lambda name: wanted(name) and not names.append(name))
        assert len(list(folder.rglob("predictions.npz"))) <= 1
        return found

    monkeypatch.setattr(archive, "unpack", noted)
    assert len(read(path, task="smallcnn-digits")) == 3
    assert sum(name.endswith("/record.json") for name in names) == 4
    arrays = [name for name in names if not name.endswith(".json")]
    assert arrays == [f"results/quick/replicates/cpu/smallcnn-digits/algo/{k}/predictions.npz" for k in range(3)]


# --- the real thing --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_crate_folder_and_metrics_of_a_trained_study_agree(package, tmp_path):
    archive.unpack(package, tmp_path / "crate")
    where = Choice(where=(("noise", "algo"),))
    from_crate = crates.read(package, where)
    from_folder = replicates.read(tmp_path / "crate" / ALGO, where)
    from_metrics = metrics.read(tmp_path / "crate" / RESULTS / "metrics.csv", where)
    assert len(from_crate) == 3
    for number, (first, second, third) in enumerate(zip(from_crate, from_folder, from_metrics, strict=True)):
        assert first.constants == second.constants == third.constants and first.constants["replicate"] == str(number)
        assert all(np.array_equal(first.columns[name], second.columns[name]) for name in first.columns)
        percent = 100 * first.columns["accuracy"].mean()
        assert third.columns["accuracy"] == pytest.approx([percent], rel=1e-12)
