"""The sides are called by the files and folders in which they differ."""

import pytest

from noisegrid.gating.labels import labels


@pytest.mark.parametrize(
    ("base", "new", "expected"),
    [
        (["lr_40.npz"], ["runs/lr_38.npz"], ("lr_40", "lr_38")),
        (["r/cpu/a/algo"], ["r/cpu/b/algo"], ("a", "b")),
        (["r/cpu/a/algo"], ["s/cpu/a/algo"], ("r", "s")),
        (["sgd/1.csv", "sgd/2.csv"], ["sam/1.csv", "sam/2.csv"], ("sgd", "sam")),
        (["b1.csv", "b2.csv"], ["n1.csv", "n2.csv"], ("", "")),  # no folder
        (["base.csv"], ["new.csv"], ("", "")),
        (["base/runs.csv"], ["new/runs.csv"], ("", "")),
        (["a.csv"], ["-"], ("", "")),
        (["a.csv"], ["a.csv"], ("", "")),
        (["/x/a.csv", "b.csv"], ["c.csv"], ("", "")),
    ],
)
def test_labels(base, new, expected):
    assert labels(base, new) == expected
