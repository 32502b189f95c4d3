"""Whether runs look independent: planted mistakes are found and named, and honest runs are let pass."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats as scipy_stats

from noisegrid.gating.example_spread import disagreement
from noisegrid.gating.independence import Finding, findings
from noisegrid.gating.rounding import may_tie, step
from noisegrid.reading.runs import Examples, Runs
from noisegrid.stats import churn_matrix


def runs(values, seeds=None) -> Runs:
    values = np.array(values, float)
    return Runs(values, "accuracy", tuple("abcdefghijklmnopqrstuvwxyz"[: len(values)]), seeds)


def with_examples(predicted) -> tuple[Runs, np.ndarray]:
    """Return runs and their disagreement; class 0 is the right one."""
    predicted = np.array(predicted)
    examples = Examples(predicted == 0, predicted=predicted)
    return replace(runs(100 * (predicted == 0).mean(axis=1)), examples=examples), churn_matrix(predicted)


def suspicious(*given) -> dict[str, str]:
    """Return the sentence of each suspicious finding."""
    return {finding.about: finding.sentence for finding in findings(*given) if finding.suspicious}


DIFFERENT = [0.91234567, 0.91456789, 0.91345678, 0.91512345, 0.91423456, 0.91387654]


def test_honest_runs_have_a_finding_of_each_test_and_none_is_suspicious():
    found = findings(runs(DIFFERENT, seeds=tuple("123456")))
    assert [finding.about for finding in found] == ["trend", "neighbours"]
    assert [finding.about for finding in findings(runs(np.round(DIFFERENT, 5)))] == ["ties", "trend", "neighbours"]
    assert not any(finding.suspicious for finding in found)
    assert all(0.05 < finding.p <= 1 for finding in found)


def test_a_seed_that_does_nothing():
    one, other = DIFFERENT[:2]
    same = [one, other, one, one, other, DIFFERENT[2]]
    assert suspicious(runs(same, seeds=tuple("123456")))["identical"] == (
        "5 runs have the same accuracy as another run (a (seed 1) = c (seed 3) = d (seed 4), b (seed 2) = e (seed 5)), "
        "although their seeds differ; the seed may do nothing"
    )
    assert suspicious(runs(same))["identical"] == (
        "5 runs have the same accuracy as another run (a = c = d, b = e), so that the same run is there more than "
        "once, or the seed does nothing"
    )
    for value in (0.93, DIFFERENT[0]):
        assert suspicious(runs([value] * 4, seeds=tuple("1234"))) == {
            "identical": "all 4 runs have the same accuracy, although their seeds differ; the seed may do nothing"
        }


def test_the_same_run_twice_is_named_once_and_left_out_of_the_tests():
    values, seeds = [*DIFFERENT, *DIFFERENT[:2]], (*"123456", "1", "2")
    assert suspicious(runs(values, seeds)) == {
        "repeated": "the same seed and the same result occur more than once: a (seed 1) = g (seed 1), b (seed 2) = h "
        "(seed 2); keep one of each"
    }
    tests = [finding for finding in findings(runs(values, seeds)) if finding.p is not None]
    assert tests == [finding for finding in findings(runs(DIFFERENT)) if finding.p is not None]


def test_the_same_seed_with_other_results():
    assert suspicious(runs(DIFFERENT, seeds=("1", "1", "2", "3", "4", "\x1b[2J")))["seeds"] == (
        "runs with different results have the same seed: 1 (a, b); they lack the noise between seeds; if they are of "
        "several methods, choose one: --where COLUMN=VALUE"
    )


def test_many_groups_are_not_all_named():
    values = np.repeat(DIFFERENT[:5], 2)
    assert "(a = b, c = d, e = f and 2 more)" in suspicious(runs(values))["identical"]
    values = [*[DIFFERENT[0]] * 6, DIFFERENT[1]]
    assert "(a = b = c = d and 2 more)" in suspicious(runs(values))["identical"]


def test_rounded_results_may_tie_but_not_all_of_them():
    assert "ties" not in suspicious(runs([0.931, 0.934, 0.931, 0.929, 0.936, 0.93]))
    twice = suspicious(runs([0.9312, 0.9278, 0.9345, 0.9299, 0.9366, 0.9312, 0.9278, 0.9345, 0.9299, 0.9366]))
    assert twice["ties"].startswith(
        "10 of 10 runs share their accuracy with another run, more than its steps of 0.0001"
    )


@pytest.mark.parametrize(
    ("values", "metric", "kind"),
    [
        ([94.1237, 94.3571] * 3, "accuracy", "suspicious"),
        ([0.4321, 0.4377] * 3, "loss", "suspicious"),  # steps of 0.0001
        ([94.12] * 3 + [94.35] * 3, "accuracy", "undecided"),  # a few hundred test examples may give both
        ([94.12] * 5 + [94.36], "accuracy", "undecided"),  # one of them may be a run that failed
        ([94.12] * 5 + [94.36], "loss", "undecided"),
    ],
)
def test_two_different_results_are_never_called_independent(values, metric, kind):
    """Two results have one distance, which was once taken for the step of the grid, so that nothing was tested."""
    found = [finding for finding in findings(replace(runs(values), metric=metric)) if finding.about == "ties"]
    assert [(finding.suspicious, finding.undecided) for finding in found] == [
        (kind == "suspicious", kind == "undecided")
    ]


def test_a_trend_and_neighbours():
    rising = suspicious(runs(DIFFERENT[0] + 0.001234 * np.arange(8)))
    assert rising["trend"] == "the accuracy rises in the order of the runs (Kendall's tau +1.00; p < 0.0001)"
    falling = suspicious(runs(DIFFERENT[0] - 0.001234 * np.arange(8)))
    assert falling["trend"].startswith("the accuracy falls in the order of the runs (Kendall's tau −1.00; p ")
    machines = suspicious(runs([*np.linspace(0.9101234, 0.9112345, 5), *np.linspace(0.9301234, 0.9312345, 5)][::-1]))
    assert "neighbours" in machines


def test_the_p_value_is_the_usual_one_and_the_corrected_one_decides():
    """Two of the 5! orders of five different results rise or fall throughout: p = 2 / 120 = 0.017."""
    values = np.array([93.0, 91.0, 94.0, 92.0, 95.0]) + np.pi / 1e5
    trend = findings(runs(values))[0]
    usual = scipy_stats.kendalltau(values, range(5)).pvalue
    assert trend.sentence.endswith(f"(Kendall's tau +0.40; p = {usual:.2g}, or 0.97 corrected for 2 tests)")
    assert trend.p == pytest.approx(2 * usual)
    rising = findings(runs([0.9112345, 0.9123456, 0.9134567, 0.9145678, 0.9156789]))
    assert [(finding.about, finding.suspicious) for finding in rising] == [("trend", True), ("neighbours", True)]
    assert "(Kendall's tau +1.00; p = 0.017, or 0.033 corrected for 2 tests)" in rising[0].sentence


def test_fewer_than_five_runs_are_not_tested():
    assert findings(runs(DIFFERENT[:4])) == ()


def predictions(rng, count=6, examples=1000) -> np.ndarray:
    return (rng.random((count, examples)) < 0.1).astype(int)


def test_identical_predictions_are_suspicious_and_equal_accuracies_are_not():
    predicted = predictions(np.random.default_rng(0))
    predicted[4] = predicted[1]
    predicted[5] = np.roll(predicted[0], 1)  # the same accuracy from other examples
    assert suspicious(*with_examples(predicted)) == {
        "identical": "2 runs have the same result for every example as another run (b = e), so that the same run is "
        "there more than once, or the seed does nothing"
    }


def test_on_a_small_and_easy_test_set_identical_predictions_may_be_chance():
    predicted = np.zeros((6, 50), int)
    predicted[0, 3] = predicted[1, 7] = predicted[2, [1, 2]] = 1
    (found,) = [finding for finding in findings(*with_examples(predicted)) if finding.about == "identical"]
    assert not found.suspicious
    assert "which may be chance, because different runs differ on only 1.7 examples" in found.sentence


def test_equal_accuracies_on_other_examples_are_no_identical_runs():
    assert not suspicious(*with_examples(np.eye(5, dtype=int)))


def test_all_predictions_identical():
    predicted = np.repeat(predictions(np.random.default_rng(0), 1), 5, axis=0)
    assert suspicious(*with_examples(predicted)) == {
        "identical": "all 5 runs have the same result for every example, so that the same run is there more than once, "
        "or the seed does nothing"
    }


@pytest.mark.parametrize("count", [3, 6])
def test_a_seed_that_does_nothing_but_for_the_noise_of_the_hardware(count):
    predicted = predictions(np.random.default_rng(0), count)
    predicted[2] = predicted[1]
    predicted[2, [3, 500]] = 1 - predicted[2, [3, 500]]
    given, apart = with_examples(predicted)
    assert suspicious(given, apart).keys() == {"near"}
    pairs = apart[np.triu_indices(count, 1)]
    others = 1000 * pairs[pairs > 0.002].mean()
    assert suspicious(replace(given, seeds=tuple("123456"[:count])), apart)["near"].startswith(
        "nearly the same run is there twice, or the seed does almost nothing: two runs differ on "
        f"{others:.0f} of the 1,000 examples on average, but these on far fewer: 2 for b (seed 2) and c (seed "
        "3) (p < 0.0001"
    )


def test_pairs_that_are_nearly_the_same_are_named_with_the_closest_first():
    rng = np.random.default_rng(0)
    predicted = predictions(rng, 9).repeat(2, axis=0)
    for row, flips in zip(predicted[::2], (6, 5, 4, 3, 2, 1), strict=False):
        row[:flips] = 1 - row[:flips]
    predicted[12:] = predictions(rng, 6)
    named = suspicious(*with_examples(predicted))["near"]
    assert "far fewer: 1 for k and l, 2 for i and j, 3 for g and h and 3 more (p" in named


def test_what_is_said_of_pairs_that_are_not_nearly_the_same():
    given, apart = with_examples(predictions(np.random.default_rng(0)))
    (near,) = [finding for finding in findings(given, apart) if finding.about == "near"]
    pairs = 1000 * apart[np.triu_indices(6, 1)]
    assert not near.suspicious and near.sentence == (
        "no two runs differ on far fewer of the 1,000 examples than the others: the closest on "
        f"{pairs.min():.0f}, two runs on {pairs.mean():.0f} on average (p = 1, or 1 corrected for 3 tests)"
    )


def test_that_all_runs_may_be_nearly_the_same_is_said():
    predicted = np.repeat(predictions(np.random.default_rng(0), 1), 5, axis=0)
    predicted[range(5), range(5)] = 1
    (near,) = [finding for finding in findings(*with_examples(predicted)) if finding.about == "near"]
    assert not near.suspicious and "so few that the seed may do almost nothing in any run" in near.sentence


def test_pairs_are_compared_where_the_scores_are_losses_or_no_classes_are_known():
    rng = np.random.default_rng(0)
    predicted = predictions(rng)
    predicted[4] = predicted[1]
    predicted[4, 0] = 1 - predicted[4, 0]
    correct, losses, labels = predicted == 0, rng.normal(size=predicted.shape), np.zeros(1000, int)
    for examples in (Examples(correct), Examples(losses, predicted=predicted, labels=labels)):
        given = replace(runs(DIFFERENT), examples=examples)
        assert suspicious(given, disagreement(examples)).keys() == {"near"}


def test_neighbours_are_compared_by_their_predictions():
    """Runs of two checkpoints, one after the other: their accuracies do not tell them apart, their predictions do."""
    rng = np.random.default_rng(1)
    origins = predictions(rng, 2)
    flipped = rng.random((8, 1000)) < 0.02
    predicted = np.where(flipped, 1 - origins[[0, 0, 0, 0, 1, 1, 1, 1]], origins[[0, 0, 0, 0, 1, 1, 1, 1]])
    given, apart = with_examples(predicted)
    assert suspicious(given, apart).keys() == {"neighbours"}
    shuffled = rng.permutation(8)
    assert not suspicious(*with_examples(predicted[shuffled]))


def flagged(draw, loops: int) -> int:
    return sum(bool(suspicious(runs(draw()))) for _ in range(loops))


@pytest.mark.parametrize("decimals", [4, 8])
def test_honest_runs_are_suspicious_in_at_most_5_percent(decimals):
    rng = np.random.default_rng(decimals)
    count = flagged(lambda: np.round(0.93 + 0.002 * rng.normal(size=6), decimals), 200)
    assert count <= scipy_stats.binom.ppf(0.99, 200, 0.05)


def test_planted_mistakes_are_found():
    rng = np.random.default_rng(0)
    trend = flagged(lambda: 0.93 + 0.002 * (rng.normal(size=10) + 0.6 * np.arange(10)), 40)
    twice = flagged(lambda: rng.permutation(np.round(0.93 + 0.002 * rng.normal(size=6), 4).repeat(2)), 40)
    machines = flagged(lambda: 0.93 + 0.002 * (rng.normal(size=10) + 4 * (np.arange(10) > 4)), 40)
    assert min(trend, twice, machines) > 40 * 0.7


def test_what_may_tie():
    assert all(
        map(may_tie, (0.93, 93.12, 0.93125, 1601 / 1797, 100 * 1601 / 1797, float(np.float32(0.9312)), 0.0, -2.5))
    )
    assert not any(map(may_tie, (0.93123456, np.pi, 1 / 130_021, float(np.float32(0.93123456)))))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.932, 0.934, 0.94], 0.002),  # of 500 examples
        ([93.21, 93.4, 93.22], 0.01),
        (np.array([1601, 1602, 1611]) / 1797, 1 / 1797),
        (np.array([1601, 1602, 1611]) / 17.97, 1 / 17.97),
        (np.array([0.9312, 0.9315, 0.932], np.float32).astype(float), 0.0001),
        ([-2.5, 3.25, 3.5], 0.25),
        ([0.93, 0.93123456], 0),
        ([0.93, 0.93], 0),
    ],
)
def test_the_step_of_results(values, expected):
    assert step(np.array(values, float)) == pytest.approx(expected)


def test_a_finding_shows_no_control_characters():
    given = replace(
        runs(DIFFERENT[:3]), metric="acc\x1b[2J", names=("a\n", "b", "c"), values=np.array([0.123456789] * 3)
    )
    found: tuple[Finding, ...] = findings(given)
    assert found and all(finding.sentence.isprintable() for finding in found)
