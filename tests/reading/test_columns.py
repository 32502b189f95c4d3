"""Which column is the metric, which rows count, and what the seeds and the runs are called."""

import numpy as np
import pytest

from noisegrid.reading.cells import column
from noisegrid.reading.columns import runs_of
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import Choice, Table


def table(text: str, **constants: str) -> Table:
    """Return a table that is written with spaces between the cells; `-` is an empty cell."""
    header, *rows = (line.replace("-", "").split(" ") for line in text.strip().splitlines())
    columns = {name: column(cells) for name, cells in zip(header, zip(*rows, strict=True), strict=True)}
    return Table("base.csv", columns, constants)


def values(found) -> list[float]:
    return [run.value for run in found.runs]


RUNS = table("method seed lr val/loss\nsgd 1 0.1 5\nsgd 2 0.10 4\nsam 1 0.1 3\nsam 2 1e3 2")


@pytest.mark.parametrize(
    ("wanted", "names", "found"),
    [
        ("accuracy", ["accuracy", "Accuracy", "val.accuracy"], "accuracy"),
        ("accuracy", ["Accuracy", "val.accuracy"], "Accuracy"),
        ("Accuracy", ["metrics.accuracy", "train_accuracy"], "metrics.accuracy"),
        ("val/acc", ["metrics.val/acc", "acc"], "metrics.val/acc"),
        (" loss ", ["eval/loss"], "eval/loss"),
        ("loss", ["metrics.loss", "params.loss"], "metrics.loss"),
        ("runtime", ["loss", "Runtime"], "Runtime"),
    ],
)
def test_the_metric_is_found_by_its_name_or_its_last_part(wanted, names, found):
    columns = {name: np.array([float(place), 9.0]) for place, name in enumerate(names)}
    result = runs_of(Table("base.csv", columns), Choice(wanted))
    assert result.metric == found.removeprefix("metrics.") and values(result)[0] == names.index(found)
    assert result.what == f"column {found!r}"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("acc", "base.csv has several columns 'acc': test/acc, val/acc; choose one of them with --metric"),
        ("lss", "base.csv: unknown metric 'lss'; did you mean 'loss'?"),
        ("bleu", "base.csv: unknown metric 'bleu'; known: loss, my_accuracy, test/acc, val/acc"),
        ("accuracy", "base.csv: unknown metric 'accuracy'; did you mean 'my_accuracy'?"),
        ("my", "base.csv: unknown metric 'my'; did you mean 'my_accuracy'?"),
        (None, "base.csv has several columns that may be the metric: test/acc, val/acc, loss, my_accuracy; choose"),
    ],
)
def test_a_metric_that_is_not_clear_is_refused(wanted, message):
    with pytest.raises(CannotJudge) as caught:
        runs_of(table("seed test/acc val/acc loss my_accuracy\n1 1 2 3 4"), Choice(wanted))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("wanted", "similar", "others"),
    [
        ("accuracy", "metrics.val_accuracy, metrics.test_accuracy", ["metrics.accuracy1", "params.accuracy_goal"]),
        ("Top-1", "acc/top_1 (ema), top-1/val", ["top_11", "top1"]),
        ("loss", "valid-loss, loss (train)", ["lossless"]),
    ],
)
def test_all_names_that_have_the_wanted_one_as_a_word_are_suggested(wanted, similar, others):
    """Only whole parts of a name match, and none of several similar names is better than the others."""
    columns = {name: np.array([0.5]) for name in (*others, *similar.split(", "))}
    with pytest.raises(CannotJudge) as caught:
        runs_of(Table("base.csv", columns), Choice(wanted))
    assert str(caught.value) == f"base.csv: unknown metric {wanted!r}; did you mean one of {similar}?"


def test_a_message_lists_the_most_similar_of_many_names():
    many = Table(
        "base.csv", {f"layer {number}/norm": np.array([1.0]) for number in range(500)} | {"my loss": np.ones(1)}
    )
    with pytest.raises(CannotJudge) as caught:
        runs_of(many, Choice("xyz"))
    assert len(str(caught.value)) < 300
    with pytest.raises(CannotJudge, match="and 489 more") as caught:
        runs_of(many, Choice())
    assert len(str(caught.value)) < 400


def test_without_a_name_the_metric_is_the_only_result():
    """The other columns name the run, its seed, when it ran and how it was set up."""
    runs = table(
        "Name State Runtime _timestamp epoch seed params.depth config.width lr batch_size id steps_per_second acc\n"
        "a finished 10 1 90 1 3 4 0.1 32 x 3.1 0.5\nb finished 11 2 90 2 3 4 0.1 32 y 3.2 0.25"
    )
    found = runs_of(runs, Choice())
    assert found.metric == "acc" and values(found) == [0.5, 0.25]


def test_texts_that_should_be_numbers_may_be_the_metric():
    with pytest.raises(CannotJudge, match=r"row 1 of base\.csv: '93.1%' in column 'acc' has a percent sign"):
        runs_of(table("name acc\na 93.1%\nb 92.0%"), Choice())
    with pytest.raises(CannotJudge, match="has no column of numbers that may be the metric; its columns: name, acc"):
        runs_of(table("name acc\na good\nb bad"), Choice())


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["0.5", "93,1"], "row 2 of base.csv: '93,1' in column 'acc' has a decimal comma; write a decimal point"),
        (["0.5", "failed"], "row 2 of base.csv: 'failed' in column 'acc' is no number"),
        (["x" * 500, "1"], f"row 1 of base.csv: '{'x' * 40}…' in column 'acc' is no number"),
        (["0.5", ""], "the acc of row 2 of base.csv is empty; leave out the runs that failed, on both sides alike"),
        (["nan", "0.5"], "the acc of row 1 of base.csv is nan; leave out the runs that failed"),
        (["0.5", "inf", "nan"], "the acc of row 2 of base.csv is inf (and 1 more have none)"),
        (["\x1b[31m", "1"], "row 1 of base.csv: '�[31m' in column 'acc' is no number"),
    ],
)
def test_a_cell_without_a_number_is_named(cells, message):
    with pytest.raises(CannotJudge) as caught:
        runs_of(Table("base.csv", {"acc": column(cells)}), Choice("acc"))
    assert str(caught.value).startswith(message)


def test_rows_are_chosen_by_values():
    def chosen(*where):
        return values(runs_of(RUNS, Choice(where=where)))

    assert chosen(("method", "sam")) == [3, 2]
    assert chosen(("Method", " sgd"), ("seed", "2.0")) == [4]
    assert chosen(("lr", "1000")) == [2]
    assert chosen(("lr", "1e-1")) == [5, 4, 3]


def test_a_row_keeps_its_number_when_rows_are_chosen():
    found = runs_of(RUNS, Choice(where=(("method", "sam"),)))
    assert [run.name for run in found.runs] == ["row 3 of base.csv", "row 4 of base.csv"]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (("method", "sma"), "unknown value of 'method': 'sma'; did you mean 'sam'?"),
        (("method", "lion"), "unknown value of 'method': 'lion'; known: sam, sgd"),
        (("seed", "three"), "unknown value of 'seed': 'three'; known: 1, 2"),
        (("methd", "sam"), "base.csv: unknown column 'methd'; did you mean 'method'?"),
    ],
)
def test_a_choice_that_fits_nothing_is_refused(where, message):
    with pytest.raises(CannotJudge) as caught:
        runs_of(RUNS, Choice(where=(where,)))
    assert str(caught.value) == message


@pytest.mark.parametrize("cells", [["true", "false"], [True, False]])
def test_booleans_are_chosen_in_any_writing(cells):
    augmented = Table("base.csv", {"augmented": column(cells), "acc": np.array([0.5, 0.25])})
    assert values(runs_of(augmented, Choice(where=(("augmented", "True"),)))) == [0.5]
    assert values(runs_of(augmented, Choice(where=(("augmented", "false"),)))) == [0.25]


def test_constants_are_columns():
    runs = table("acc\n0.5\n0.25", method="sam", seed="7")
    found = runs_of(runs, Choice(where=(("method", "sam"),)))
    assert values(found) == [0.5, 0.25] and found.runs[0].seed == "7"


def test_a_constant_is_no_metric():
    with pytest.raises(CannotJudge, match=r"unknown metric 'bleu'; known: acc, loss$"):
        runs_of(table("acc loss\n0.5 0.25", part="."), Choice("bleu"))


@pytest.mark.parametrize("name", ["seed", "Seed", "params.seed", "config/seed", "random_state", "params.random_state"])
def test_seeds_are_found(name):
    found = runs_of(table(f"{name} acc\n1 0.5\n2.0 0.25"), Choice("acc"))
    assert [run.seed for run in found.runs] == ["1", "2"]


def test_seeds_by_name_and_no_seeds():
    runs = table("seed init acc\n1 7 0.5\n2 8 0.25")
    assert [run.seed for run in runs_of(runs, Choice("acc", seed="init")).runs] == ["7", "8"]
    assert [run.seed for run in runs_of(table("init acc\n1 0.5"), Choice("acc")).runs] == [None]
    assert [run.seed for run in runs_of(table("seed acc\n1 0.5\n- 0.25"), Choice("acc")).runs] == ["1", None]


@pytest.mark.parametrize(
    ("text", "seed", "message"),
    [
        ("seed acc\n1 0.5\n- 0.25", "seed", "row 2 of base.csv has no seed; write the seed of each run"),
        ("sed acc\n1 0.5", "seed", "base.csv: unknown column 'seed'; did you mean 'sed'?"),
        ("a.seed b.seed acc\n1 2 0.5", None, "base.csv has several columns 'seed': a.seed, b.seed; choose one of them"),
    ],
)
def test_seeds_that_are_not_clear_are_refused(text, seed, message):
    with pytest.raises(CannotJudge) as caught:
        runs_of(table(text), Choice("acc", seed=seed))
    assert str(caught.value).startswith(message)


def test_runs_have_the_name_of_the_tracker():
    named = table("Name acc\nfluffy 0.5\nsam 0.25\nsam 0.75\n- 0.5")
    names = [run.name for run in runs_of(named, Choice()).runs]
    assert names == ["fluffy", "sam (row 2 of base.csv)", "sam (row 3 of base.csv)", "row 4 of base.csv"]
    assert runs_of(table("acc\n0.5"), Choice()).runs[0].name == "base.csv"


@pytest.mark.parametrize("name", ["run", "run_id", "ID"])
def test_a_run_counts_once(name):
    with pytest.raises(CannotJudge, match=f"row 1 of base.csv and row 3 are of the same {name}, 'x'; keep one row"):
        runs_of(table(f"{name} acc\nx 0.5\ny 0.25\nx 0.75"), Choice())
