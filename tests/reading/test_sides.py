"""The runs of one side, from files to a verdict, and from values in Python."""

import subprocess
import sys

import numpy as np
import pytest

from noisegrid.gating.gate import judge
from noisegrid.gating.question import Question
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.sides import from_values, read_side
from noisegrid.reading.table import Choice


def write(path, rows):
    path.write_text("seed,accuracy,loss\n" + "".join(f"{seed},{accuracy},{loss}\n" for seed, accuracy, loss in rows))
    return str(path)


BASE = [(1, 0.911, 0.30), (2, 0.905, 0.31), (3, 0.908, 0.33), (4, 0.909, 0.29)]
NEW = [(4, 0.929, 0.20), (2, 0.926, 0.22), (3, 0.927, 0.21), (1, 0.932, 0.24)]


def test_two_files_to_a_verdict(tmp_path):
    base, new = write(tmp_path / "base.csv", BASE), write(tmp_path / "new.csv", NEW)
    found = judge(*(read_side([path], Choice("accuracy")) for path in (base, new)), Question())
    # pairs of equal seeds: differences 0.021, 0.021, 0.019 and 0.020
    assert found.verdict == "better" and found.paired and found.metric == "accuracy"
    assert found.difference.value == pytest.approx(0.02025)
    found = judge(*(read_side([path], Choice("loss")) for path in (base, new)), Question())
    assert found.verdict == "better" and found.lower_is_better  # a lower loss


def test_one_file_with_both_sides_to_a_verdict(tmp_path):
    rows = [("sgd", *row) for row in BASE] + [("sam", *row) for row in NEW]
    (tmp_path / "runs.csv").write_text(
        "method,seed,acc,loss\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)
    )
    sides = [
        read_side([str(tmp_path / "runs.csv")], Choice("acc", seed="seed", where=(("method", name),)))
        for name in ("sgd", "sam")
    ]
    assert judge(*sides, Question()).difference.value == pytest.approx(0.02025)


def test_predictions_in_folders_to_a_verdict(tmp_path):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 400)
    for side, share in (("base", 0.2), ("new", 0.05)):
        (tmp_path / side).mkdir()
        for seed in range(4):
            predicted = np.where(rng.random(400) < share, (labels + 1) % 5, labels)
            lines = [f"{row},{one},{other}" for row, (one, other) in enumerate(zip(predicted, labels, strict=True))]
            order = rng.permutation(400)  # the ids put the examples of all runs into one order
            text = "\n".join(["id,predicted,label", *(lines[place] for place in order)])
            (tmp_path / side / f"{seed}.csv").write_text(text)
    base, new = (read_side([str(tmp_path / side)], Choice()) for side in ("base", "new"))
    found = judge(base, new, Question())
    assert found.verdict == "better" and found.examples.count == 400 and len(found.examples.classes) == 5
    assert base.values.mean() == pytest.approx(80, abs=2) and new.values.mean() == pytest.approx(95, abs=2)


def test_rows_of_several_files_and_formats_are_runs(tmp_path):
    write(tmp_path / "a.csv", BASE[:2])
    (tmp_path / "b.jsonl").write_text('{"seed": 3, "accuracy": 0.5}\n')
    (tmp_path / "c.csv").write_text("step,accuracy,seed\n1,0.1,4\n2,0.25,4\n")
    runs = read_side([str(tmp_path)], Choice("accuracy"))
    assert runs.values.tolist() == [0.911, 0.905, 0.5, 0.25] and runs.seeds == ("1", "2", "3", "4")
    assert [(read.rows, read.runs) for read in runs.read] == [(2, 2), (1, 1), (2, 1)]
    assert runs.names[0] == f"row 1 of {tmp_path / 'a.csv'}" and runs.names[2] == str(tmp_path / "b.jsonl")


def test_without_the_seeds_of_one_file_no_seed_is_known(tmp_path):
    write(tmp_path / "a.csv", BASE)
    (tmp_path / "b.csv").write_text("accuracy\n0.5\n")
    assert read_side([str(tmp_path)], Choice("accuracy")).seeds is None


def test_a_value_may_be_in_some_files_only(tmp_path):
    for name, method in (("a.csv", "sgd"), ("b.csv", "sam"), ("c.csv", "sgd")):
        (tmp_path / name).write_text(f"method,acc\n{method},0.5\n")
    runs = read_side([str(tmp_path)], Choice("acc", where=(("method", "sgd"),)))
    assert [read.file for read in runs.read] == [str(tmp_path / "a.csv"), str(tmp_path / "c.csv")]
    with pytest.raises(CannotJudge, match="unknown value of 'method': 'lion'; known: sam, sgd"):
        read_side([str(tmp_path)], Choice("acc", where=(("method", "lion"),)))


def test_files_with_different_metrics_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("val/acc\n0.5\n")
    (tmp_path / "b.csv").write_text("test/acc\n0.5\n")
    for metric in (None, "acc"):
        with pytest.raises(
            CannotJudge, match=r"a\.csv has the metric 'val/acc' and .*b\.csv has 'test/acc'; choose one"
        ):
            read_side([str(tmp_path)], Choice(metric))


def test_messages_about_a_side_have_its_name(tmp_path):
    for name, task in (("a.npz", "qa"), ("b.npz", "sums")):
        np.savez(tmp_path / name, acc=np.array([0.5, 0.25]), task=np.array(task))
    paths = [str(tmp_path / name) for name in ("a.npz", "b.npz")]
    for read, name in (
        (lambda: read_side(paths, Choice()), "this side"),
        (lambda: read_side(paths, Choice(), side="new"), "new"),
        (lambda: from_values(paths, Choice(), "base"), "base"),
    ):
        with pytest.raises(CannotJudge, match=rf"^{name} has runs that differ in task \(qa, sums\)"):
            read()


def test_paths_in_python(tmp_path):
    first, second = write(tmp_path / "a.csv", BASE[:2]), tmp_path / "b.csv"
    write(second, BASE[2:])
    assert len(from_values(first, Choice("loss"), "base")) == len(from_values(second, Choice("loss"), "base")) == 2
    assert from_values([first, second], Choice("loss"), "base").seeds == ("1", "2", "3", "4")
    with pytest.raises(CannotJudge, match="no-file"):
        from_values("no-file", Choice(), "base")


def test_heavy_packages_are_not_imported(tmp_path):
    path = write(tmp_path / "base.csv", BASE)
    heavy = ["pandas", "scipy", "pyarrow", "torch", "tensorboard", "matplotlib"]
    script = (
        "import sys; from noisegrid.reading.sides import read_side; from noisegrid.reading.table import Choice; "
        f"read_side([{path!r}], Choice('loss')); print(*(name for name in {heavy!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_decimal_commas_between_spaces_are_not_taken_for_separate_numbers(tmp_path):
    (tmp_path / "base.txt").write_text("93,1 93,4 92,9\n")
    with pytest.raises(CannotJudge, match="'93,1' has a decimal comma; write a decimal point"):
        read_side([str(tmp_path / "base.txt")], Choice())
