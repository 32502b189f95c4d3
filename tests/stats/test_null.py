"""The independent-error null against an enumeration of all permutations, and on simulated replicates of known truth."""

import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from noisegrid import stats
from noisegrid.common.errors import NoisegridError
from noisegrid.measuring import classes
from noisegrid.measuring.predictions import Predictions, load_predictions
from noisegrid.stats import null as null_module

Rows = dict[tuple[str, str], dict]


def test_null_holds_independent_errors_and_not_dependent_ones():
    """The check must fail where it should: errors that come together lie outside of the null."""
    rng = np.random.default_rng(0)
    statistic = lambda hits: stats.spread(hits[..., 0] / 400)  # noqa: E731
    observed = lambda correct: statistic(correct.sum(axis=1)[:, None, None])[0]  # noqa: E731
    inside = dependent_inside = 0
    for _ in range(40):
        independent = rng.random((10, 400)) < 0.9
        draws = stats.independent_error_draws(independent, stats.whole(400), statistic, rng, draws=200)
        null = stats.compare_with_null(observed(independent), draws)
        inside += null.low <= observed(independent) <= null.high
        # every run has its own skill, so that its errors come together
        together = rng.random((10, 400)) < rng.uniform(0.6, 1.0, (10, 1))
        draws = stats.independent_error_draws(together, stats.whole(400), statistic, rng, draws=200)
        null = stats.compare_with_null(observed(together), draws)
        dependent_inside += null.low <= observed(together) <= null.high
    assert inside >= 34
    assert dependent_inside <= 2


def test_null_keeps_how_often_each_example_was_right():
    correct = np.random.default_rng(0).random((6, 50)) < 0.7
    seen = []

    def watch(hits):
        seen.append(hits)
        return np.zeros((hits.shape[1], 1))

    each = stats.Parts(np.arange(50), 50)
    stats.independent_error_draws(correct, each, watch, np.random.default_rng(1), draws=5)
    (hits,) = seen
    assert hits.shape == (6, 5, 50) and (hits.sum(axis=0) == correct.sum(axis=0)).all()
    assert len({draw.tobytes() for draw in np.moveaxis(hits, 1, 0)}) == 5  # no draw repeats another one


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(1, 4))
def test_the_null_is_that_of_a_plain_loop(seed, at_once):
    """Many draws at a time, and only the examples that can change, give the numbers of one draw after the other."""
    rng = np.random.default_rng(seed)
    correct, labels = rng.random((4, 30)) < rng.random(30), rng.integers(0, 3, 30)
    parts = stats.Parts(labels, 4)

    def statistic(hits):
        return stats.spread(hits / np.maximum(1, parts.sizes))

    slow, draw = [], np.random.default_rng(seed)
    unstable = correct.any(axis=0) & ~correct.all(axis=0)
    for _ in range(7):
        shuffled = correct.copy()
        shuffled[:, unstable] = draw.permuted(correct[:, unstable], axis=0)
        counts = np.array([[run[labels == part].sum() for part in range(4)] for run in shuffled])
        slow.append(statistic(counts[:, None])[0])
    with mock.patch.object(null_module, "VALUES_AT_ONCE", at_once * 4 * max(1, int(unstable.sum()))):
        draws = stats.independent_error_draws(correct, parts, statistic, np.random.default_rng(seed), draws=7)
        found = stats.compare_with_null(np.zeros(4), draws)
    assert draws == pytest.approx(np.array(slow), rel=1e-12)
    assert np.stack(found[:3]) == pytest.approx(np.quantile(slow, [0.5, 0.025, 0.975], axis=0), rel=1e-12)


def test_p_is_that_of_all_permutations():
    """Three runs, four images: every arrangement that keeps how often each image is right, one after the other."""
    correct = np.array([[1, 1, 1, 1], [0, 1, 0, 1], [0, 0, 0, 1]], bool)
    columns = [sorted(set(itertools.permutations(column))) for column in correct.T.tolist()]
    every = [np.std(np.array(columns).sum(axis=0), ddof=1) for columns in itertools.product(*columns)]
    assert len(every) == 3 * 3 * 3
    statistic = lambda hits: stats.spread(hits[..., 0])  # noqa: E731
    draws = stats.independent_error_draws(correct, stats.whole(4), statistic, np.random.default_rng(0), draws=20_000)
    for value in sorted(set(np.round(every, 9))):
        exact = np.mean(np.array(every) >= value - 1e-9)  # by hand: the largest, 1.53, in 3 of 27
        assert float(stats.compare_with_null(np.array(value), draws).p) == pytest.approx(exact, abs=0.014)  # 4 errors


def test_p_by_hand():
    draws = np.array([[1.0, 5], [2, 5], [3, 5], [4, 5]])
    assert stats.compare_with_null(np.array([2.5, 5 * (1 + 1e-12)]), draws).p == pytest.approx([3 / 5, 1])
    assert stats.compare_with_null(np.array([9.0, 0]), draws).p == pytest.approx([1 / 5, 1])


def test_one_undefined_draw_does_not_undo_the_null_and_many_do():
    draws = np.arange(100.0)[:, None].repeat(3, axis=1)
    draws[0, 1], draws[:6, 2] = np.nan, np.nan
    null = stats.compare_with_null(np.full(3, 98.0), draws)
    assert null.left_out == pytest.approx([0, 0.01, 0.06])
    assert null.p[:2] == pytest.approx([3 / 101, 4 / 101])  # the undefined draw counts as large
    assert null.low[1] == pytest.approx(np.quantile(draws[1:, 1], 0.025))
    assert all(math.isnan(field[2]) for field in null[:4])
    assert math.isnan(stats.compare_with_null(np.array(np.nan), draws[:, 0]).p)


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_the_variance_of_the_null_is_the_mean_of_its_draws(seed):
    rng = np.random.default_rng(seed)
    correct, parts = rng.random((6, 40)) < rng.random(40), stats.Parts(np.arange(40) % 3, 4)
    sets = np.array([0, 0, 0, 1, 1, 2])
    statistic = lambda hits: stats.pooled_spread(hits, sets) ** 2  # noqa: E731
    draws = stats.independent_error_draws(correct, parts, statistic, rng, draws=2000, groups=sets)
    assert stats.null_variance(correct, parts, sets) == pytest.approx(draws.mean(axis=0), rel=0.15)
    assert np.isnan(stats.null_variance(correct, parts, np.arange(6))).all()


@given(st.lists(st.floats(0.0001, 1), min_size=1, max_size=30))
def test_false_discoveries_are_controlled_as_scipy_does(p):
    expected = scipy_stats.false_discovery_control(p) <= 0.05
    assert np.array_equal(stats.benjamini_hochberg(np.array(p)), expected)


def test_one_of_a_hundred_classes_is_discovered_with_a_thousand_draws():
    """Its own p, at least 1 / 1001, is too large for the threshold of one discovery, 0.05 / 100."""
    draws = np.random.default_rng(0).chisquare(9, (1000, 100))
    values = np.append(draws[0, :98], [60.0, np.nan])
    assert np.flatnonzero(stats.discoveries(values, draws)).tolist() == [98]
    assert not stats.discoveries(np.append(draws[0, :98], [5.0, np.nan]), draws).any()
    assert not stats.discoveries(np.full(2, np.nan), draws[:, :2]).any()


@pytest.mark.parametrize(("classes", "draws"), [(10, 1000), (20_000, 500), (100_000, 200)])
def test_many_classes_have_fewer_draws_so_that_they_fit_into_memory(classes, draws):
    correct, parts = np.array([[True, False], [False, False]]), stats.Parts(np.array([0, 1]), classes)
    statistic = lambda hits: hits[0, :, :1]  # noqa: E731
    assert len(stats.independent_error_draws(correct, parts, statistic, np.random.default_rng(0))) == draws


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 60))
def test_p_and_the_range_agree(seed, at_once):
    rng = np.random.default_rng(seed)
    draws, values = rng.integers(0, 9, (200, 7)).astype(float), rng.integers(0, 9, 7).astype(float)
    with mock.patch.object(null_module, "VALUES_AT_ONCE", at_once * 100):
        null = stats.compare_with_null(values, draws)
    assert np.array_equal(null.p, (1 + (draws >= values).sum(axis=0)) / 201)
    assert np.array_equal(np.stack(null[:3]), np.quantile(draws, [0.5, 0.025, 0.975], axis=0))
    assert (null.p[values > null.high] <= 0.03).all()


# --- through the rows of a cell --------------------------------------------------------------------------------------

RUNS = 8
LABELS = np.arange(400) % 4


def class_rows(correct: np.ndarray, labels: np.ndarray = LABELS, sets: np.ndarray | None = None, **more: int) -> Rows:
    """Return the rows about classes of such replicates, by metric and group."""
    sets = np.zeros(len(correct), int) if sets is None else sets
    rows = classes.class_rows(correct, labels, sets, np.random.default_rng(0), **more)
    return {(row["metric"], row["group"]): row for row in rows}


def simulated(rng: np.random.Generator, shared: float = 0, alone: float = 0, runs: int = RUNS) -> np.ndarray:
    """Return replicates whose images err independently, but for an effect on all classes and one on class 2 alone."""
    easy = rng.normal(2, 1, len(LABELS))
    effect = rng.normal(0, shared, (runs, 1)) + rng.normal(0, alone, (runs, 1)) * (LABELS == 2)
    return rng.random((runs, len(LABELS))) < 1 / (1 + np.exp(-easy - effect))


def rejected(draws: int, **truth: float) -> int:
    """Return in how many simulated cells the familywise p is at most 5 %."""
    with mock.patch.object(null_module, "NULL_WORK", 1):  # 200 permutations each
        cells = [class_rows(simulated(np.random.default_rng(seed), **truth)) for seed in range(draws)]
    return sum(rows["class_std_over_null_max", "all"]["p"] <= 0.05 for rows in cells)


def test_the_familywise_size_is_five_percent():
    """The 99 % binomial interval of the rate, of 300 cells, reaches down to 5 %; with one p per class, it does not."""
    with mock.patch.object(null_module, "NULL_WORK", 1):
        cells = [class_rows(simulated(np.random.default_rng(seed))) for seed in range(300)]
    familywise = sum(rows["class_std_over_null_max", "all"]["p"] <= 0.05 for rows in cells)
    by_class = sum(min(rows["class_std_over_null", f"class {k}"]["p"] for k in range(4)) <= 0.05 for rows in cells)
    lowest = lambda count: scipy_stats.binomtest(count, 300).proportion_ci(0.99).low  # noqa: E731
    assert lowest(familywise) <= 0.05 < lowest(by_class)
    discovered = sum(rows["classes_above_null_fdr", "all"]["value"] > 0 for rows in cells)
    assert lowest(discovered) <= 0.05


def test_a_class_that_varies_is_found_and_so_is_noise_that_all_classes_share():
    assert rejected(30, alone=0.9) >= 27
    assert rejected(30, shared=0.5) >= 27  # the ratio to the overall std is blind to it
    assert rejected(30) <= 5


def test_the_class_that_varies_is_named():
    rows = class_rows(simulated(np.random.default_rng(0), alone=1.5))
    noted = [group for (metric, group), row in rows.items() if metric == "class_std_over_null" and row["note"]]
    assert noted == ["class 2"] and "false discovery rate" in rows["class_std_over_null", "class 2"]["note"]
    assert rows["classes_above_null_fdr", "all"]["value"] == 1
    largest = rows["class_std_over_null_max", "all"]
    assert largest["value"] == rows["class_std_over_null", "class 2"]["value"]
    std = rows["class_accuracy_std", "class 2"]
    assert largest["value"] == pytest.approx(std["value"] / std["null_median"])
    assert largest["p"] < 0.01 and rows["class_accuracy_std", "class 2"]["p"] < 0.01


@pytest.mark.parametrize(("shared", "alone"), [(0, 0), (0.4, 0), (0, 0.9)])
def test_the_interval_of_the_count_covers_the_mean_count(shared, alone):
    """Classes share runs: with one skill of a run for all classes, the counts vary from none to all."""
    counts = []
    for seed in range(60):
        correct, parts = simulated(np.random.default_rng(seed), shared, alone, runs=6), stats.Parts(LABELS, 4)
        sets = np.zeros(6, int)
        high = np.sqrt(stats.null_variance(correct, parts) * scipy_stats.chi2.ppf(0.975, 5) / 5)
        counts.append(stats.count_above(correct, parts, high, sets))
    truth = np.mean([count.value for count in counts])
    covered = sum(count.low <= truth <= count.high for count in counts)
    assert covered >= scipy_stats.binom.ppf(0.005, 60, 0.93)
    if shared:  # as if classes were independent, too narrow: a binomial interval
        narrow = [scipy_stats.binomtest(int(count.value), 4).proportion_ci(0.95, "wilson") for count in counts]
        assert sum(4 * each.low <= truth <= 4 * each.high for each in narrow) < covered


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_what_is_left_without_a_run_or_a_set_is_the_slow_obvious_one(seed):
    rng = np.random.default_rng(seed)
    correct, parts = rng.random((7, 30)) < rng.random(30), stats.Parts(rng.integers(0, 3, 30), 4)
    sets, hits = np.array([0, 0, 0, 1, 1, 2, 2]), parts.hits(correct)
    by_set = null_module._without_each_set(correct, parts, sets), sets
    for (squares, expected), units in ((null_module._without_each(correct, parts), np.arange(7)), by_set):
        for place, unit in enumerate(np.unique(units)):
            rows = np.flatnonzero(units != unit)
            groups = sets[rows] if units is sets else np.zeros(6, int)
            freedom = len(rows) - len(np.unique(groups))
            assert squares[place] == pytest.approx(stats.pooled_spread(hits[rows], groups) ** 2 * freedom)
            assert expected[place] == pytest.approx(stats.null_variance(correct[rows], parts, groups) * freedom)


def test_several_sets_are_left_out_whole():
    correct = simulated(np.random.default_rng(0), alone=1)
    row = class_rows(correct, sets=np.arange(RUNS) % 2)["classes_above_null", "all"]
    assert (row["interval"], row["freedom"]) == ("jackknife over sets", 1)


def test_a_class_without_test_images_has_rows_that_say_so_and_the_others_keep_theirs():
    correct = simulated(np.random.default_rng(0), alone=1)
    complete, labels = class_rows(correct), np.where(LABELS < 2, LABELS, LABELS + 1)
    missing = class_rows(correct, labels, classes=6)  # neither class 2 nor class 5 has images
    for empty in ("class 2", "class 5"):
        for metric in ("class_accuracy_std", "class_std_ratio", "class_std_over_null", "class_accuracy_mean"):
            row = missing[metric, empty]
            assert math.isnan(row["value"]) and row["note"] == "undefined: no test examples"
    for metric in ("class_std_over_null_max", "class_std_ratio_max", "classes_above_null", "classes_above_null_fdr"):
        for column in ("value", "null_low", "null_high", "p"):
            assert missing[metric, "all"].get(column) == pytest.approx(complete[metric, "all"].get(column), nan_ok=True)
        assert not math.isnan(missing[metric, "all"]["value"])


def test_equal_replicates_have_an_undefined_null_with_a_reason():
    rows = class_rows(np.tile(simulated(np.random.default_rng(0))[:1], (RUNS, 1)))
    tested = [row for row in rows.values() if "p" in row]
    assert len(tested) == 1 + 4 + 2 * 5 + 1
    for row in tested:
        assert math.isnan(row["p"]) and math.isnan(row["null_high"]) and row["note"].startswith("undefined: no test")
    assert rows["accuracy_std", "all"]["value"] == 0


def test_two_runs_have_nulls_without_warnings_and_no_interval_of_the_count():
    rows = class_rows(simulated(np.random.default_rng(0), runs=2))
    row = rows["classes_above_null", "all"]
    assert row["interval"] == "" and math.isnan(row["low"]) and row["p"] > 0
    alone = class_rows(simulated(np.random.default_rng(0), runs=2), sets=np.arange(2))
    assert alone["class_std_over_null_max", "all"]["note"] == "undefined: no seed set has two replicates"


def test_few_draws_without_overall_spread_are_left_out_and_said():
    """Few unstable images: some permutations give all runs the same accuracy, and then a ratio to it is undefined."""
    rows = {}
    for images in (9, 30):  # all runs are equal in 9! / 3!^3 / 3^9 = 8.5 %, and in 30! / 10!^3 / 3^30 = 2.7 %
        correct = np.ones((3, 400), bool)
        correct[np.append(1, np.arange(1, images) % 3), np.arange(images)] = False
        rows[images] = class_rows(correct)["class_std_ratio_max", "all"]
    assert rows[9]["note"].startswith("undefined: all replicates have the same") and math.isnan(rows[9]["p"])
    assert rows[30]["note"].endswith("which leaves them out") and rows[30]["null_low"] < rows[30]["null_high"]


# --- through the rows of sub-groups ----------------------------------------------------------------------------------


def group_rows(correct: np.ndarray, positive: np.ndarray, masks: np.ndarray) -> Rows:
    """Return the rows about sub-groups of replicates that predict one attribute, by metric and group."""
    labels = positive[:, None].astype(np.uint8)
    names = np.array([f"group {index}" for index in range(len(masks))])
    predicted = np.where(correct, positive, ~positive).astype(np.int16)
    groups = {"group": masks.T, "group_name": names, "target": np.array(0)}
    found = Predictions(labels, predicted, predicted, None, None, groups)
    rows = classes.group_rows(found, np.zeros(len(correct), int), np.random.default_rng(0))
    return {(row["metric"], row["group"]): row for row in rows}


def test_a_group_without_positives_has_no_fnr_and_says_why():
    rng = np.random.default_rng(0)
    positive, masks = rng.random(400) < 0.4, np.array([LABELS == 0, LABELS == 3, LABELS == 1])
    positive[LABELS == 0] = False
    correct = simulated(rng)
    correct[:, LABELS == 1] = True
    rows = group_rows(correct, positive, masks)
    for metric in ("group_fnr_std", "group_fnr_std_relative"):
        row = rows[metric, "group 0"]
        assert all(math.isnan(row[key]) for key in ("value", "null_low", "null_high", "p"))
        assert row["note"] == "undefined: no positives"
        assert rows[metric, "group 2"]["note"].startswith("undefined: no test example is classified correctly by some")
        other = rows[metric, "group 1"]
        assert other["note"] == "" and 0 < other["p"] <= 1 and other["null_low"] < other["null_high"]
    assert rows["group_accuracy_std", "group 0"]["p"] > 0 and rows["group_positives", "group 0"]["value"] == 0


def test_a_group_whose_positives_vary_is_found():
    found = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        correct, masks = simulated(rng, alone=1), np.array([LABELS == 2, LABELS == 1])
        rows = group_rows(correct, np.arange(400) % 8 < 6, masks)
        found += rows["group_fnr_std", "group 0"]["p"] <= 0.05
        assert rows["group_fnr_std", "group 1"]["p"] > 0.002  # the control: nothing was planted there
    assert found >= 18


# --- what has no rows ------------------------------------------------------------------------------------------------


@dataclass
class Stored:
    """What `load_predictions` reads of a replicate."""

    folder: Path
    arrays: dict[str, np.ndarray]

    def predictions(self) -> dict[str, np.ndarray]:
        return self.arrays


@pytest.mark.parametrize("labels", [np.array([0, 1, 2]), np.array([[0, 1, 1], [1, 1, 0], [0, 0, 0]], np.uint8)])
@pytest.mark.parametrize("name", ["logits", "midpoint_logits"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, None])
def test_a_logit_that_is_not_finite_is_no_prediction(labels, name, bad):
    arrays = {"label": labels, "logits": np.eye(3), "midpoint_logits": np.eye(3)}
    arrays |= {"predicted": labels, "midpoint_predicted": labels}
    broken = arrays | {name: np.eye(3)}
    broken[name][1, 2] = 0 if bad is None else bad
    replicates = [Stored(Path("runs/0"), arrays), Stored(Path("runs/1"), broken)]
    if bad is None:
        assert load_predictions(replicates).classes == 3
        return
    with pytest.raises(NoisegridError, match=f"runs/1: the {name} of 1 of 3 test examples are not finite.*delete its"):
        load_predictions(replicates)


def test_the_number_of_classes_does_not_come_from_the_test_labels_alone():
    labels, predicted = np.array([0, 1, 1]), np.array([[0, 1, 2], [0, 1, 1]], np.int16)
    found = Predictions(labels, predicted, predicted, None, None, {})
    assert found.classes == 3
    assert Predictions(labels, predicted, predicted, list(np.zeros((2, 3, 5))), None, {}).classes == 5
