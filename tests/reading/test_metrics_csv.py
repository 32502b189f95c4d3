"""The metrics.csv of the committed studies, in all versions, and damaged ones."""

import csv

import pytest
from conftest import ROOT

from noisegrid.reading import metrics
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import Choice

QUICK, UPGRADE = (ROOT / f"docs/results/{name}/metrics.csv" for name in ("quick", "upgrade"))
VERSION_1, VERSION_2 = (ROOT / f"tests/common/metrics_version{number}.csv" for number in (1, 2))
ALGO = {"task": "smallcnn-digits", "noise": "algo"}


def read(path, **where):
    """Return the tables of the runs, of one row each."""
    tables = metrics.read(path, Choice(where=tuple(where.items())))
    assert all([*table.columns] == ["accuracy"] and len(table.columns["accuracy"]) == 1 for table in tables)
    return tables


def accuracies(path, **where) -> list[float]:
    return [float(table.columns["accuracy"][0]) for table in read(path, **where)]


def constants(path, name, **where) -> list[str]:
    return [table.constants[name] for table in read(path, **where)]


def refusal(path, **where) -> str:
    with pytest.raises(CannotJudge) as caught:
        read(path, **where)
    return str(caught.value)


def edited(folder, path, change):
    """Write the file with other rows, and return its path; `change` returns the row, or None to leave it out."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    kept = [row for row in map(change, rows) if row is not None]
    with (folder / "edited.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)
    return folder / "edited.csv"


def test_each_replicate_of_the_chosen_cell_is_a_run():
    assert constants(QUICK, "run", **ALGO) == [f"quick/cpu/smallcnn-digits/algo/{k}" for k in range(10)]
    assert constants(QUICK, "replicate", **ALGO) == [str(k) for k in range(10)]
    known = {"study": "quick", "hardware": "cpu", **ALGO, "outcome": "finished"}
    assert all(known.items() <= table.constants.items() and len(table.constants) == 7 for table in read(QUICK, **ALGO))
    correct = [accuracy * 597 / 100 for accuracy in accuracies(QUICK, **ALGO)]
    assert correct == pytest.approx([566, 571, 528, 558, 554, 566, 566, 562, 559, 576], abs=1e-9)  # of 597 images


def test_accuracies_are_exact_although_the_file_has_nine_digits():
    assert accuracies(QUICK, **ALGO)[0] == 100 * 566 / 597 != 94.8073702


def test_an_accuracy_that_is_no_share_of_the_images_stays(tmp_path):
    path = edited(tmp_path, QUICK, lambda row: row | {"value": "50.0001"} if row["metric"] == "accuracy" else row)
    assert set(accuracies(path, **ALGO)) == {50.0001}  # of several attributes per image


@pytest.mark.parametrize(("path", "version"), [(VERSION_1, None), (VERSION_2, "2"), (QUICK, "3")])
def test_all_versions_are_read(path, version):
    with path.open(newline="") as file:
        row = next(csv.DictReader(file))
    assert row.get("schema") == version and metrics.recognizes(path)
    hardware, task = row["hardware"], row["task"]
    assert len(read(path, hardware=hardware, task=task, noise="algo")) == 10


def test_several_cells_need_a_choice():
    sentence = refusal(UPGRADE)
    assert "differ in hardware (cpu, cpu@torch2.14-cu130, cpu@torch2.7-cu126) and in task" in sentence
    assert sentence.endswith("as in --where hardware=cpu --where task=smallcnn-digits --where noise=algo")
    assert "differ in noise (" in refusal(QUICK, task="smallcnn-digits")
    assert "unknown value of 'noise': 'alga'; did you mean 'algo'?" in refusal(
        QUICK, task="smallcnn-digits", noise="alga"
    )


def test_replicates_that_share_seeds_are_refused():
    where = {"task": "smallcnn-digits", "noise": "order"}
    sentence = refusal(QUICK, **where)
    assert "replicates 0 and 5 share the seeds that seed set 0 holds" in sentence and "--where repeat=0" in sentence
    assert constants(QUICK, "seed_set", **where, repeat="0") == ["0", "1", "2", "3", "4"]
    assert constants(QUICK, "replicate", **where, repeat="1") == ["5", "6", "7", "8", "9"]
    assert "crossed cell share seeds on purpose" in refusal(QUICK, **where | {"noise": "crossed"})


def test_early_versions_do_not_say_which_replicates_share_seeds(tmp_path):
    where = {"task": "smallcnn_bn-fashion_mnist", "noise": "order"}
    tables = read(VERSION_1, **where)  # of one seed set, as its intervals are over runs
    assert len(tables) == 10 and "seed_set" not in tables[0].constants

    def over_sets(row):
        return row | {"interval": "t over sets"} if row["noise"] == "order" else row

    path = edited(tmp_path, VERSION_1, over_sets)
    assert "this early version does not say which" in refusal(path, **where)
    assert len(read(path, **where | {"noise": "algo"})) == 10


def test_lost_replicates_are_named(tmp_path):
    def lose(row):
        lost = row["metric"] == "accuracy" and row["group"] == "replicate 3"
        return None if lost else row | {"value": "1"} if row["metric"] == "replicates_diverged" else row

    path = edited(tmp_path, QUICK, lose)
    assert "quick/cpu/smallcnn-digits/algo: some replicates have no result: 1 diverged; to judge" in refusal(
        path, **ALGO
    )
    assert len(read(path, **ALGO, outcome="finished")) == 9


def test_only_files_with_this_header_are_recognized(tmp_path):
    assert metrics.recognizes(QUICK)
    assert not metrics.recognizes(QUICK.with_name("overhead.csv")) and not metrics.recognizes(QUICK.parent)
    path = tmp_path / "metrics.csv"
    assert not metrics.recognizes(path)
    path.write_text("epoch,step,accuracy\n1,1,0.5\n")  # of PyTorch Lightning
    assert not metrics.recognizes(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda row: row | {"schema": "9"}, "has version 9 of its format"),
        (lambda row: row | {"value": "many"}, "is damaged: could not convert string to float: 'many'"),
        (lambda row: row | {"n_examples": "0"}, "is damaged: division by zero"),
        (lambda row: row | {"value": "inf"}, "is damaged: cannot convert float infinity to integer"),
        (lambda row: None if row["metric"] == "accuracy" else row, "has no accuracy of a replicate"),
        (lambda row: row | {"task": f"{row['task']}\x1b[2J"}, "\N{REPLACEMENT CHARACTER}[2J"),
    ],
)
def test_damaged_and_hostile_files_are_refused(tmp_path, change, words):
    sentence = refusal(edited(tmp_path, QUICK, change))
    assert words in sentence and sentence.isprintable()


def test_a_file_without_the_other_columns_is_refused(tmp_path):
    lines = [",".join(line.split(",")[:8]) for line in QUICK.read_text().splitlines()]
    path = tmp_path / "metrics.csv"
    path.write_text("\n".join([f"{lines[0]},", *(f"{line}," for line in lines[1:])]))
    assert metrics.recognizes(path)
    assert "is damaged: it has no column interval and no n_examples; give the metrics.csv" in refusal(path)


def test_rows_of_another_length_are_refused(tmp_path):
    path = tmp_path / "metrics.csv"
    for tail in ("quick,cpu\n", "quick" + 30 * ",x" + "\n"):
        path.write_text(QUICK.read_text() + tail)
        assert "a row has another number of columns" in refusal(path)
    path.write_bytes(QUICK.read_bytes() + b"\xff\n")
    assert "is damaged: 'utf-8' codec" in refusal(path)
    path.write_text(QUICK.read_text() + "\n" * 200_000)
    assert "rows: 2" in refusal(path) and "may have at most 100,000" in refusal(path)
