"""Runs that cannot be judged: each is refused with one sentence that names the run and the remedy."""

from dataclasses import replace

import numpy as np
import pytest

from noisegrid.gating.checks import check, check_both, groups_of_identical
from noisegrid.gating.rounding import may_tie
from noisegrid.reading.runs import CannotJudge, Examples, Read, Runs


def runs_of(values, metric="accuracy", seeds=None, file="", **examples) -> Runs:
    values = np.asarray(values, float)
    names = tuple(f"run {index}" for index in range(len(values)))
    found = Examples(**examples) if examples else None
    return Runs(values, metric, names, seeds, found, (Read(file, "", len(values), len(values)),) if file else ())


GOOD = (0.9123, 0.9178, 0.9101)


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [
        (runs_of([0.9, np.nan, np.nan]), "base: the accuracy of run 1 and 1 more is nan; leave out"),
        (runs_of([0.9, -1e300, 0.8]), "base: the accuracy of run 1 is -1e+300; leave out"),
        (runs_of([0.9, np.inf, 0.8]), "base: the accuracy of run 1 is inf; leave out"),
        (runs_of([0.9]), "base has 1 run, and a verdict needs at least 3 of each side; add 2 with other seeds"),
        (runs_of([]), "base has 0 runs, and"),
        (runs_of(GOOD, seeds=("1", "2", "1")), "base: run 0 and run 2 have the same seed, 1; keep one of them"),
        (runs_of([0.9, 0.9, 0.9]), "base: all 3 runs have the same accuracy; remove one"),
        (
            runs_of([0.23145926535897, 0.3, 0.23145926535897], "loss"),
            "base: run 0 and run 2 have the same loss to the last bit; remove one of them if it is the same run twice",
        ),
    ],
)
def test_refused(runs, sentence):
    with pytest.raises(CannotJudge) as caught:
        check(runs, "base")
    assert str(caught.value).startswith(sentence)
    assert caught.value.exit_code == 6


@pytest.mark.parametrize("runs", [runs_of(GOOD), runs_of(GOOD, seeds=("1", "2", "3")), runs_of([0.93, 0.94, 0.93])])
def test_accepted(runs):
    check(runs, "base")


def test_identical_runs_may_be_allowed():
    check(runs_of([0.9, 0.9, 0.9]), "base", allow_identical=True)
    check(runs_of([0.23145926535897] * 2 + [0.3]), "base", allow_identical=True)


@pytest.mark.parametrize(
    ("value", "tie"),
    [
        (0.93, True),
        (93.124, True),
        (0.9313232830820771, True),  # 556 of 597 images
        (93.13232830820771, True),
        (float(np.float32(0.9312)), True),
        (float(np.float32(171 / 191)), True),
        (0.23145926535897, False),
        (2.718281828459045, False),
        (float(np.float32(0.4142135)), False),
        (0.0, True),
    ],
)
def test_which_results_two_runs_may_share(value, tie):
    assert may_tie(value) is tie


def test_predictions_tell_identical_runs_from_equal_accuracies():
    label = np.array([0, 1, 1, 0])
    predicted = np.array([[0, 1, 0, 0], [0, 1, 1, 1], [0, 1, 0, 0]])
    correct = predicted == label
    found = {"scores": correct, "predicted": predicted, "labels": label}
    assert groups_of_identical(runs_of(100 * correct.mean(axis=1), **found)) == [(0, 2)]
    assert groups_of_identical(runs_of([75.0, 75.0], scores=correct[:2], predicted=predicted[:2])) == []
    with pytest.raises(CannotJudge, match="run 0 and run 2 have the same result for every example"):
        check(runs_of(100 * correct.mean(axis=1), **found), "base")


@pytest.mark.parametrize(
    ("base", "new", "sentence"),
    [
        (runs_of(GOOD, file="a.csv"), runs_of(GOOD, file="a.csv"), "base and new are the same files (a.csv)"),
        (runs_of([*GOOD, 0.5]), runs_of(GOOD), "all runs of new are among those of base, too"),
        (runs_of(GOOD), runs_of(GOOD[::-1]), "base and new have exactly the same results"),
        (runs_of(GOOD), runs_of([93.0, 92.0, 94.0]), "the units are mixed: run 0 of base has 0.9123 and run 0 of new"),
        (runs_of([0.08, 0.07, 0.09]), runs_of([8.2, 8.1, 8.3]), "the units are mixed: run 0 of base has 0.08"),
        (runs_of([0.93, 0.0, 0.91]), runs_of([92.1, 92.4, 92.6]), "the units are mixed: run 0 of base has 0.93"),
        (runs_of([1.0, 0.999, 0.998]), runs_of([99.9, 99.8, 99.7]), "the units are mixed: run 0 of base has 1"),
        (runs_of([0.93, 92.0, 0.94]), runs_of([93.0, 92.5, 94.0]), "the units are mixed: run 0 of base has 0.93"),
    ],
)
def test_sides_that_cannot_be_compared(base, new, sentence):
    with pytest.raises(CannotJudge) as caught:
        check_both(base, new)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("base", "new"),
    [
        (GOOD, (0.91, 0.92, 0.93)),
        ((0.4, 0.9, 1.3), (2.0, 1.1, 1.5)),  # losses on both sides of 1
        ((0.11, 0.2, 0.3), (0.9, 0.1, 1.0)),
        ((76.1, 76.3, 76.2), (75.9, 0.1, 76.4)),  # a run failed
        ((-0.5, 0.4, 0.1), (60.0, 50.0, 40.0)),
        ((99.0, 98.0, 100.0), (1.0, 98.5, 97.0)),  # of 100 classes
    ],
)
def test_sides_that_can(base, new):
    check_both(runs_of(base), runs_of(new))


def test_losses_have_no_percentages():
    check_both(runs_of([0.4, 0.5, 0.6], "loss"), runs_of([12.0, 13.0, 14.0], "loss"))


def test_a_run_of_the_same_file_belongs_to_one_side():
    base, new = runs_of([0.91, 0.92, 0.93], file="a.csv"), runs_of([0.91, 0.95, 0.96, 0.97], file="a.csv")
    with pytest.raises(CannotJudge, match="1 of the runs are on both sides, among them run 0"):
        check_both(base, new)
    check_both(base, replace(new, names=tuple(f"other {name}" for name in new.names)))


def test_seeds_do_not_matter_if_runs_are_not_paired():
    check(runs_of(GOOD, seeds=("42", "42", "42")), "base", unpaired=True)
    with pytest.raises(CannotJudge, match="add --unpaired if this is no seed"):
        check(runs_of(GOOD, seeds=("42", "42", "42")), "base")


def test_accuracies_in_24_bits_may_be_equal():
    """557 of 1,043 and 563 of 1,043 documents, as TensorFlow stores them; a loss is no share of documents."""
    values = [float(np.float32(count / 1043)) for count in (557, 563, 557)]
    check(runs_of(values), "base")
    with pytest.raises(CannotJudge, match="have the same loss to the last bit"):
        check(runs_of(values, "loss"), "base")
