"""Runs are matched by their seeds, and examples by their ids."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisegrid.gating.matching import match_examples, pair_runs, same_metric
from noisegrid.reading.runs import UNNAMED_METRIC, CannotJudge, Examples, Runs, seed_text


def side(seeds, values=None) -> Runs:
    values = np.arange(len(seeds), dtype=float) if values is None else np.array(values)
    names = tuple(f"run {index}" for index in range(len(values)))
    texts = None if seeds[0] is None else tuple(map(str, seeds))
    return Runs(values, "accuracy", names, texts, Examples(np.arange(3.0 * len(values)).reshape(-1, 3)))


def test_numbers_without_a_name_have_the_metric_of_the_other_side():
    named, unnamed = side([1]), replace(side([1]), metric=UNNAMED_METRIC)
    for base, new in ((named, unnamed), (unnamed, named), (named, named)):
        assert [each.metric for each in same_metric(base, new)] == ["accuracy"] * 2
    with pytest.raises(CannotJudge, match="base has the metric 'accuracy' and new has 'loss'; choose one that both"):
        same_metric(named, replace(named, metric="loss"))


def test_runs_with_the_same_seed_are_paired_in_the_order_of_base():
    base, new, paired, note = pair_runs(side([3, 1, 2], [30, 10, 20]), side([1, 2, 3], [1, 2, 3]))
    assert paired and not note
    assert (list(base.values), list(new.values)) == ([30, 10, 20], [3, 1, 2])
    assert new.seeds == base.seeds == ("3", "1", "2") and new.names == ("run 2", "run 0", "run 1")
    assert new.examples.scores[:, 0].tolist() == [6, 0, 3]


def test_runs_without_a_partner_are_left_out_and_counted():
    base, new, paired, note = pair_runs(side([1, 2, 3, 4]), side([4, 3, 2, 7, 8]))
    assert paired and len(base) == len(new) == 3
    assert note.startswith("3 runs have no partner with the same seed and are left out")
    assert pair_runs(side([1, 2, 3, 4]), side([1, 2, 3]))[3].startswith(
        "1 run has no partner with the same seed and is"
    )


@pytest.mark.parametrize(
    ("base", "new", "note"),
    [
        ([1, 2, 3], [3, 4, 5], "only 1 of the seeds occur"),
        ([1, 2, 3], [4, 5, 6], ""),
        (list(range(10)), [0, 1, 2, 3, *range(20, 26)], "only 4 of the seeds occur"),  # fewer than half of the runs
        ([None] * 3, [1, 2, 3], ""),
        ([1, 2, 3], [None] * 3, ""),
    ],
)
def test_few_matching_seeds_are_no_pairs(base, new, note):
    *sides, paired, found = pair_runs(side(base), side(new))
    assert not paired and [len(each) for each in sides] == [len(base), len(new)]
    assert found.startswith(note) and bool(found) == bool(note)


def test_the_text_of_a_seed():
    assert {seed_text(seed) for seed in (3, 3.0, "3", " 3", np.int64(3), np.float64(3))} == {"3"}
    assert seed_text(0.5) == "0.5" and seed_text("a") == "a"


@given(st.permutations(range(6)), st.booleans())
def test_examples_are_matched_by_id_whatever_their_order(order, texts):
    order = np.array(order)
    label, predicted = np.array([0, 1, 1, 0, 1, 0]), np.array([[0, 1, 0, 0, 1, 1], [1, 1, 1, 0, 0, 0]])
    ids = np.arange(6)
    base = Examples(predicted == label, ids.astype(str) if texts else ids, predicted, label)
    new = Examples((predicted == label)[:, order], ids[order], predicted[:, order], label[order])
    first, second = match_examples(base, new)
    assert first is base
    assert np.array_equal(second.scores, first.scores) and np.array_equal(second.predicted, predicted)
    assert np.array_equal(second.labels, label)


def test_classes_are_matched_by_name():
    base = Examples(np.ones((1, 2), bool), None, np.array([[0, 1]]), np.array([0, 1]), ("cat", "dog"))
    new = Examples(np.ones((1, 2), bool), None, np.array([[1, 2]]), np.array([1, 2]), ("ant", "cat", "dog"))
    first, second = match_examples(base, new)
    assert first.classes == second.classes == ("ant", "cat", "dog")
    assert first.predicted.tolist() == second.predicted.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("base", "new", "sentence"),
    [
        (
            Examples(np.ones((1, 3), bool), np.array([1, 2, 3])),
            Examples(np.ones((1, 4), bool), np.array([2, 3, 4, 5])),
            "the sides have different examples: base has 3, new has 4, and 2 match by id",
        ),
        (
            Examples(np.ones((1, 3), bool), np.array([1, 2, 3])),
            Examples(np.ones((1, 4), bool), np.array([1, 2, 3, 4])),
            "the sides have different examples: base has 3, new has 4, and 3 match by id",
        ),
        (
            Examples(np.ones((1, 3), bool), np.array([2, 0, 1])),
            Examples(np.ones((1, 3), bool)),
            "new has no ids of the examples, and those of the other side are not in order",
        ),
        (Examples(np.ones((3, 1), bool)), Examples(np.ones((3, 1), bool)), "base has a single example"),
        (
            Examples(np.ones((1, 3), bool)),
            Examples(np.ones((1, 4), bool)),
            "base has 3 examples and new has 4, without ids; give both sides the same test set",
        ),
        (
            Examples(np.ones((1, 3), bool), np.array(["a", "b", "c"]), labels=np.array([0, 1, 1])),
            Examples(np.ones((1, 3), bool), np.array(["a", "b", "c"]), labels=np.array([0, 0, 0])),
            "2 of 3 examples have another label on the two sides, first example b",
        ),
    ],
)
def test_examples_that_cannot_be_matched(base, new, sentence):
    with pytest.raises(CannotJudge) as caught:
        match_examples(base, new)
    assert str(caught.value).startswith(sentence)
