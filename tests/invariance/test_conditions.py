"""The conditions differ from the reference in one respect each, and make the batches that they name."""

import pytest

from noisegrid.invariance.conditions import MIXED, ROTATED, STORED, Condition, conditions

FLAGS = {"precision": "fp32", "aten": "avx2", "onednn": "AVX2", "mkl": "AVX2", "threads": 4}


@pytest.mark.parametrize(
    ("arrangement", "batches"),
    [
        (STORED, [[0, 1, 2], [3, 4, 5], [6, 7]]),
        (ROTATED, [[2, 0, 1], [5, 3, 4], [7, 6]]),
        (MIXED, [[0, 4, 2], [3, 1, 5], [6, 7]]),
    ],
)
def test_the_batches_of_each_arrangement(arrangement, batches):
    found = Condition("", "", 3, FLAGS, arrangement).batches(8)
    assert [batch.tolist() for batch in found] == batches


def test_every_example_keeps_its_place_and_no_neighbour_beside_it():
    stored, mixed = (Condition("", "", 5, FLAGS, arrangement).batches(25) for arrangement in (STORED, MIXED))
    for batch in mixed:
        assert [index % 5 for index in batch] == list(range(5))
        assert len({index // 5 for index in batch}) == 5
    assert sorted(index for batch in mixed for index in batch) == sorted(index for batch in stored for index in batch)


def test_each_condition_differs_from_the_reference_in_one_respect(monkeypatch):
    monkeypatch.setattr("noisegrid.invariance.conditions.processor_features", lambda: frozenset({"avx2", "fma"}))
    reference, *others = conditions([2, 8, 1, 8], [3, 1, 3], FLAGS)
    assert (reference.batch_size, reference.flags["threads"], reference.arrangement) == (8, 3, STORED)
    assert [one.words for one in others] == [
        *("batch size 1", "batch size 2", "position rotated by one", "neighbours", "threads 1"),
        *("instruction set aten default", "instruction set mkl COMPATIBLE"),
        *("precision amp_bf16", "precision amp_fp16"),
    ]
    for one in others:
        mine = {"size": one.batch_size, "arrangement": one.arrangement, **one.flags}
        theirs = {"size": reference.batch_size, "arrangement": reference.arrangement, **reference.flags}
        assert sum(mine[key] != theirs[key] for key in theirs) == 1
