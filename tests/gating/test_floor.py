"""The noise floor of runs: what it says about spread, plans, classes and churn, by hand and on planted truths."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats as scipy_stats

from noisegrid.common.errors import NoisegridError
from noisegrid.gating.floor import Needed, floor_of
from noisegrid.gating.floor_sentences import details
from noisegrid.gating.metric import is_share
from noisegrid.reading.runs import CannotJudge, Examples, Runs

#: Five runs with a mean of 93, a variance of 10 / 4 and thus a standard deviation of 1.58.
FIVE = [93.0, 91.0, 94.0, 92.0, 95.0]


def runs(values, metric="accuracy", seeds=None) -> Runs:
    values = np.array(values, float)
    return Runs(values, metric, tuple(f"run {n}" for n in range(len(values))), seeds)


def with_spread(std: float, n: int = 10, mean: float = 0.0) -> np.ndarray:
    """Return values of a normal shape with exactly this mean and standard deviation, in no order."""
    values = np.random.default_rng(2).permutation(scipy_stats.norm.ppf((np.arange(n) + 0.5) / n))
    return mean + std * (values - values.mean()) / values.std(ddof=1)


@pytest.mark.parametrize("scale", [1e-90, 1e90])
def test_tiny_and_huge_results_have_the_same_floor(scale):
    plain, found = floor_of(runs(FIVE, "loss"), [1.0]), floor_of(runs(np.multiply(FIVE, scale), "loss"), [scale])
    for name in ("value", "low", "high"):
        assert getattr(found.std, name) == pytest.approx(scale * getattr(plain.std, name), rel=1e-9, abs=0)
    assert [one.runs for one in found.needed] == [one.runs for one in plain.needed]


def of_predictions(predicted, labels, classes=()) -> Runs:
    predicted, labels = np.array(predicted), np.array(labels)
    scores = predicted == labels
    return replace(runs(100 * scores.mean(axis=1)), examples=Examples(scores, None, predicted, labels, classes))


def test_spread_and_smallest_difference_by_hand():
    found = floor_of(runs(FIVE))
    assert (found.mean.value, found.std.value) == (93, pytest.approx(np.sqrt(2.5)))
    assert found.std[1:3] == pytest.approx(np.sqrt(10 / scipy_stats.chi2.ppf([0.975, 0.025], 4)))
    assert found.smallest == pytest.approx(2.776445 * np.sqrt(2.5) * np.sqrt(2 / 5))
    assert str(found) == (
        "the accuracy of 5 runs has a standard deviation of 1.6 [0.9, 4.5]; the runs look independent"
    )
    assert found.exit_code == 0


def test_the_runs_needed_are_those_of_the_textbook():
    """Cohen, Statistical power analysis, 1988, table 2.4.1: 5 % two-sided, power 80 %."""
    found = floor_of(runs(with_spread(1.0), "score"), gains=[0.2, 0.5, 0.8, 1.0])
    assert [each.runs for each in found.needed] == [394, 64, 26, 17]
    for each in found.needed:
        assert each.low < each.runs < each.high


def test_no_gain_needs_fewer_runs_than_a_verdict():
    for gain in floor_of(runs(with_spread(0.1), "score"), gains=[1.0]).needed:
        assert (gain.runs, gain.low, gain.high) == (3, 3, 3)


def test_one_percentage_point_is_one():
    labels = np.zeros(100, int)
    given = of_predictions(np.random.default_rng(0).random((6, 100)) < 0.3, labels)
    for gains in (None, [0.1, 0.3, 1.0]):
        *others, one = [each.name for each in floor_of(given, gains).needed]
        assert one == "1 percentage point" and all(name.endswith(" percentage points") for name in others)


def test_the_range_of_the_runs_needed_follows_from_the_interval_of_the_spread():
    found = floor_of(runs(with_spread(1.0), "score"), gains=[1.0])
    alone = [floor_of(runs(with_spread(end), "score"), gains=[1.0]).needed[0].runs for end in found.std[1:3]]
    assert [found.needed[0].low, found.needed[0].high] == alone


@pytest.mark.parametrize(
    ("metric", "mean", "gains", "name"),
    [
        ("test/accuracy", 93.0, [0.1, 0.3, 1.0], "0.1 percentage points"),
        ("accuracy", 0.93, [0.001, 0.003, 0.01], "0.1 percentage points"),
        ("val_loss", 2.0, [0.002, 0.006, 0.02], "0.002 (0.1 % of the mean)"),
        ("reward", -50.0, [0.05, 0.15, 0.5], "0.05 (0.1 % of the mean)"),
        ("accuracy", 930.0, [0.93, 2.79, 9.3], "0.93 (0.1 % of the mean)"),  # whatever it is, it is no share
    ],
)
def test_the_usual_gains_fit_the_unit(metric, mean, gains, name):
    found = floor_of(runs(with_spread(0.001 * abs(mean), mean=mean), metric))
    assert [each.gain for each in found.needed] == pytest.approx(gains)
    assert found.needed[0].name == name


def test_a_metric_whose_mean_is_0_has_no_usual_gains():
    assert floor_of(runs([-1.0, 1.0, 2.0, 0.0, -2.0], "reward")).needed == ()


def test_correct_predictions_are_counted_in_percentage_points():
    labels = np.zeros(100, int)
    found = floor_of(of_predictions(np.random.default_rng(0).random((6, 100)) < 0.3, labels), gains=None)
    assert found.unit == " percentage points" and found.needed[0].gain == 0.1


@pytest.mark.parametrize("gain", [0.0, -1.0, np.nan, np.inf])
def test_a_gain_that_is_not_positive_is_refused(gain):
    with pytest.raises(NoisegridError, match="is not a positive number"):
        floor_of(runs(FIVE), gains=[0.1, gain])


def test_what_has_no_floor():
    with pytest.raises(CannotJudge, match="the sample has 2 runs, and a spread needs at least 3; add 1"):
        floor_of(runs(FIVE[:2]))
    with pytest.raises(CannotJudge, match="the accuracy of run 1 is nan; leave out the runs that failed, and say so"):
        floor_of(runs([0.9, np.nan, 0.8]))


def test_three_runs_have_a_floor_but_no_plan():
    found = floor_of(runs([0.912345678, 0.923456789, 0.934567891]))
    assert found.needed == () and found.findings == ()
    assert str(found).endswith("too few to tell whether they are independent")
    assert "3 runs are too few to plan with, to find an outlier or to test their order; 5 are needed." in [
        *details(found)
    ]


def test_identical_runs_are_reported_and_not_refused():
    found = floor_of(runs([0.912345678] * 5, seeds=tuple("12345")))
    assert (found.std.value, found.needed, found.exit_code) == (0, (), 4)
    assert str(found) == "the accuracy of 5 runs has no spread: each is 0.912346; the runs do not look independent"
    lines = [*details(found)]
    assert lines == [
        "Suspicious: all 5 runs have the same accuracy, although their seeds differ; the seed may do nothing.",
        "How much of the spread is about these test examples alone is unknown, because results of each example were "
        "not given.",
    ]
    found = floor_of(of_predictions(np.tile([0, 0, 1], (5, 1)), [0, 0, 0]))
    assert "No two runs disagree on any example." in [*details(found)]


def test_an_outlier_is_named():
    found = floor_of(runs([*with_spread(0.1, 9, 93.0), 80.0]))
    assert found.outlier == 9
    assert any(line.startswith("run 9 (80) lies far from the other runs") for line in details(found))
    assert floor_of(runs(FIVE)).outlier is None


def test_runs_that_no_number_would_detect():
    found = floor_of(runs(with_spread(1000.0), "score"), gains=[0.1, 20.0])
    assert found.needed[0] == Needed(0.1, "0.1", None, None, None)
    lines = [line for line in details(found) if line.startswith("To detect")]
    assert lines[0] == "To detect a gain of 0.1, each side needs more than 100,000 runs (power 80 %)."
    assert lines[1].startswith("To detect a gain of 20, each side needs 39,246 runs (18,5")


def test_the_lines_about_one_number_per_run():
    lines = [*details(floor_of(runs(FIVE)))]
    assert lines == [
        "Looked at: the accuracy has no trend in the order of the runs (Kendall's tau +0.40; p = 0.48, or 0.97 "
        "corrected for 2 tests).",
        "Looked at: runs next to each other are no more alike than others (p = 0.83, or 0.97 corrected for 2 tests).",
        "Mean 93.0 [91.0, 95.0], standard deviation 1.6 [0.9, 4.5] (95 % intervals).",
        "With 5 runs per side, an observed difference below 2.8 cannot be told from noise at 95 %.",
        *lines[4:7],
        "How much of the spread is about these test examples alone is unknown, because results of each example were "
        "not given.",
    ]
    assert lines[6] == "To detect a gain of 1 percentage point, each side needs 41 runs (16 to 326; power 80 %)."


def test_two_examples_by_hand():
    """Accuracies of 0, 50 and 100 %: each example has a variance of 1/3 over runs, and both vary together."""
    found = floor_of(of_predictions([[1, 1], [0, 1], [0, 0]], [0, 0])).examples
    assert found.count == 2
    assert found.churn.value == pytest.approx(100 * (0.5 + 1 + 0.5) / 3)
    # the variance of accuracy is 1/4, of which (1/3) / 2 is sampling; the rest is divided by 1 - 1/2
    assert found.std.value == pytest.approx(100 * np.sqrt((1 / 4 - 1 / 6) / (1 / 2)))
    assert found.share.value == pytest.approx(1 - (1 / 6) / (1 / 4))
    # both examples are right in 2/3 and 1/3 of the runs
    assert found.sampling == pytest.approx(100 * 1.959964 * np.std([2 / 3, 1 / 3], ddof=1) / np.sqrt(2))


def planted(rng, count=10, examples=3000) -> Runs:
    """Return runs with independent errors, except that those of the large class c3 are more frequent in some runs."""
    labels = rng.choice(5, size=examples, p=[0.02, 0.04, 0.04, 0.5, 0.4])
    more = rng.uniform(-0.04, 0.04, (count, 1))
    wrong = rng.random((count, examples)) < 0.1 + np.where(labels == 3, more, 0)
    return of_predictions(np.where(wrong, (labels + 1) % 5, labels), labels, ("c0", "c1", "c2", "c3", "c4"))


def test_the_class_whose_errors_depend_on_each_other_is_found():
    found = floor_of(planted(np.random.default_rng(0)))
    assert [each.name for each in found.examples.classes if each.above] == ["c3"]
    c3 = found.examples.classes[3]
    assert c3.std.value > c3.null_high > c3.null_median > 0 and c3.p < 0.01
    assert c3.std.low < c3.std.value < c3.std.high
    assert sum(each.examples for each in found.examples.classes) == 3000
    assert any(
        line.startswith("1 of 5 classes varies more between runs than independent errors") for line in details(found)
    )


def test_classes_with_independent_errors_are_not_found():
    rng = np.random.default_rng(1)
    labels = rng.integers(5, size=3000)
    predicted = np.where(rng.random((10, 3000)) < 0.1, (labels + 1) % 5, labels)
    found = floor_of(of_predictions(predicted, labels)).examples
    assert not any(each.above for each in found.classes) and [each.name for each in found.classes] == [*"01234"]


def test_classes_on_which_no_run_differs_are_left_out():
    labels = np.repeat([0, 1, 2], 20)
    predicted = np.tile(labels, (5, 1))
    predicted[:, 3:8] = 1
    assert floor_of(of_predictions(predicted, labels)).examples.classes == ()
    predicted[[0, 1, 1], [25, 26, 27]] = 0
    (only,) = floor_of(of_predictions(predicted, labels)).examples.classes
    assert (only.name, only.examples) == ("1", 20)


def test_scores_that_are_numbers_have_a_split_and_no_churn():
    rng = np.random.default_rng(0)
    scores = 2 + rng.normal(size=300) + rng.normal(size=(6, 300))
    given = replace(runs(scores.mean(axis=1), "nll"), examples=Examples(scores))
    found = floor_of(given)
    assert found.examples.churn is None and found.examples.classes == () and found.unit == ""
    assert found.examples.share.value > 0.5  # all of it is sampling
    assert found.examples.sampling == pytest.approx(1.96 * scores.mean(axis=0).std(ddof=1) / np.sqrt(300), rel=1e-3)


def test_the_lines_about_examples():
    lines = [*details(floor_of(planted(np.random.default_rng(0))))]
    assert any(line.startswith("With 10 runs per side on the same examples, an observed difference") for line in lines)
    assert [line.split(" ", 3)[:3] for line in lines[-4:]] == [
        ["On", "an", "infinite"],
        ["The", "sampling", "of"],
        ["Two", "runs", "disagree"],
        ["1", "of", "5"],
    ]
    assert "of the variance is about these 3,000 examples." in lines[-4]


def test_names_that_say_that_a_metric_is_a_share():
    assert all(map(is_share, ("accuracy", "val/top1", "mIoU_miou", "acc,none", "macro_f1")))
    assert not any(map(is_share, ("loss", "perplexity", "mean_squared_error", "reward")))
