"""Numbers in the sentences of a verdict, and scores that are not right or wrong."""

import numpy as np
import pytest

from noisegrid.gating.gate import judge
from noisegrid.gating.question import Question
from noisegrid.gating.rounding import step
from noisegrid.gating.sentences import bound
from noisegrid.reading.runs import CannotJudge, Examples, Runs

GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("value", "width", "text"),
    [
        (0.5, 0.32, "0.50"),
        (0.2, 10.0, "0.2"),  # with as many decimals as the interval, it would be 0
        (1.5, 14.0, "1.5"),
        (12.5, 11.0, "12.5"),
        (3.0, 1.5, "3.0"),
        (0.015, 0.004, "0.0150"),
    ],
)
def test_a_bound_is_never_rounded(value, width, text):
    assert bound(value, width) == text


def side(scores: np.ndarray, labels: np.ndarray | None = None) -> Runs:
    predicted = None if labels is None else GENERATOR.integers(0, 2, scores.shape)
    examples = Examples(scores, None, predicted, labels)
    values = examples.scale * scores.mean(axis=1)
    return Runs(values, "loss", tuple(f"run {k}" for k in range(len(values))), examples=examples)


def test_classes_are_compared_only_if_scores_are_right_or_wrong():
    labels = np.arange(40) % 2
    losses = [GENERATOR.random((4, 40)), GENERATOR.random((4, 40)) + labels]
    question = Question(lower_is_better=True)
    assert judge(*(side(scores, labels) for scores in losses), question).examples.classes == ()
    right = judge(*(side(scores < 0.5, labels) for scores in losses), question)
    assert len(right.examples.classes) == 2


def test_booleans_and_numbers_are_not_mixed():
    right = GENERATOR.random((4, 40)) < 0.9
    with pytest.raises(CannotJudge, match="true or false on one side and a number on the other"):
        judge(side(right), side((GENERATOR.random((4, 40)) < 0.9).astype(float)), Question(lower_is_better=True))


def test_ratios_with_an_enormous_common_denominator_have_no_step():
    """As F1 of many runs: each has another denominator near 20,000."""
    values = np.array([(9000 + k) / (19_700 + 3 * k) for k in range(200)])
    assert step(values) == 0.0
