"""Verdicts on simulated replicates whose truth is known."""

import numpy as np
import pandas as pd
import pytest
from claim_truths import (
    COMMON,
    TRUTHS,
    cell,
    devices,
    means,
    rates,
    runs,
    tasks,
    two_noises,
    verdicts,
    words,
)
from conftest import ROOT
from scipy.stats import binom

from noisegrid import stats
from noisegrid.common.schemas import catalog
from noisegrid.measuring.rows import COLUMNS, metric_row
from noisegrid.reporting.claims import judge
from noisegrid.reporting.tables_claims import claims_table
from noisegrid.reporting.verdicts import (
    INSIDE_NULL,
    NOT_DECIDED,
    NOT_MEASURED,
    NOT_REPRODUCED,
    REPRODUCED,
    UNDEFINED,
    Verdict,
    adjust,
    decide,
    not_from_few,
)

BY_NAME = {str(truth): truth for truth in TRUTHS}
#: C4 and C5 need a null, which takes seconds; benchmarks/claim_rates.py draws these truths.
CHEAP = [truth for truth in TRUTHS if truth.claim not in ("C4", "C5")]


def one(rows: list[dict], claim: str) -> Verdict:
    (verdict,) = verdicts(rows, claim)
    return verdict


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- every claim -----------------------------------------------------------------------------------------------------


def test_every_claim_has_its_line():
    found = judge(pd.DataFrame([], columns=list(COLUMNS)))
    assert [verdict.claim for verdict in found] == [f"C{number}" for number in range(1, 17)]
    assert all(verdict.verdict == verdict.adjusted == NOT_MEASURED for verdict in found)


def test_every_claim_is_complete():
    for name, entry in catalog("claims").items():
        assert set(entry) == {"grade", "claim", "test", "effect"} and all(entry.values()), name


@pytest.mark.parametrize("truth", [truth for truth in CHEAP if truth.right], ids=str)
def test_a_clear_truth_is_recognised(truth):
    """In most of ten studies with 20 replicates; a false verdict is never among them."""
    found = rates(truth, n=20, draws=10)
    assert found.get(truth.right, 0) >= 0.8
    assert not set(truth.false) & set(found)


@pytest.mark.parametrize(
    ("name", "n", "draws"),
    [
        ("C2 at the margin", 10, 100),
        ("C3 at the margin", 10, 100),
        ("C3 equal, one set", 10, 100),
        ("C3 equal, five sets that differ", 10, 100),
        ("C6 at the margin", 10, 100),
        ("C7 two at the margin", 10, 100),
        ("C8 two at the margin", 10, 100),
        ("C10 six equal", 5, 60),
    ],
)
def test_no_verdict_is_false_more_often_than_in_5_percent(name, n, draws):
    """Judged by the 99 % interval of a binomial count. benchmarks/README.md has the rates of more draws."""
    found = rates(BY_NAME[name], n, draws)
    for word in BY_NAME[name].false:
        assert found.get(word, 0) * draws <= binom.ppf(0.995, draws, 0.05), word


def test_too_few_runs_are_not_decided():
    found = one(two_noises(rng(), 4, 1), "C2")
    assert (found.verdict, found.adjusted, found.note) == (NOT_DECIDED, NOT_DECIDED, "n is below 5")
    assert np.isnan(found.p)
    assert not_from_few(Verdict("", "", NOT_MEASURED, n=1)).verdict == NOT_MEASURED


# --- facts: C1, C9, C11 ----------------------------------------------------------------------------------------------

STILL = np.tile(runs(rng(1), 1), (10, 1))
CONTROL = cell(STILL, "control", hashes=[0] * 10)


def test_implementation_noise_needs_a_control_that_is_zero():
    moved = cell(runs(rng(), 10), "impl")
    assert words(moved + CONTROL, "C1") == [REPRODUCED]
    assert words(cell(STILL, "impl", hashes=[0] * 10) + CONTROL, "C1") == [NOT_REPRODUCED]  # a zero is a finding
    assert words(moved, "C1") == [NOT_MEASURED]
    broken = one(moved + cell(STILL[:3], "control", hashes=[0, 0, 1]), "C1")
    assert (broken.verdict, broken.proven) == (NOT_REPRODUCED, True)
    assert "control differs in 2 of 3 pairs" in broken.context


@pytest.mark.parametrize(("noise", "claim"), [("impl", "C1"), ("in_batch_order", "C11")])
def test_one_unequal_pair_is_proof_for_any_number_of_runs(noise, claim):
    """Existence needs no interval: one of ten runs differs, or one of two. Two equal runs prove nothing."""
    for n in (2, 10):
        found = one(cell(STILL[:n], noise, hashes=[1] + [0] * (n - 1)) + CONTROL, claim)
        assert (found.verdict, found.adjusted, found.proven) == (REPRODUCED, REPRODUCED, True)
        assert f"weights differ in {n - 1} of {n * (n - 1) // 2} pairs" in found.context
        assert np.isnan(found.p)
    assert words(cell(STILL[:2], noise, hashes=[0, 0]) + CONTROL, claim) == [NOT_DECIDED]


def test_the_context_says_what_differs():
    weights_only = one(cell(STILL, "impl") + CONTROL, "C1").context
    assert "predictions are equal; accuracies are equal" in weights_only
    swapped = STILL.copy()
    right, wrong = np.flatnonzero(STILL[0])[0], np.flatnonzero(~STILL[0])[0]
    swapped[0, [right, wrong]] = False, True  # another prediction, the same accuracy
    assert "predictions differ; accuracies are equal" in one(cell(swapped, "impl") + CONTROL, "C1").context
    assert "predictions differ; accuracies differ" in one(cell(runs(rng(), 10), "impl") + CONTROL, "C1").context


def test_seed_sets_differ_without_any_noise():
    """Two sets with other accuracies, and equal runs within each: implementation changes nothing."""
    sets = np.arange(10) % 2
    first, second = runs(rng(), 2)
    apart = np.where(sets[:, None] == 0, first, second)
    found = one(cell(apart, "impl", seed_set=sets, hashes=sets) + CONTROL, "C1")
    assert found.verdict == NOT_REPRODUCED
    assert "weights differ in 0 of 20 pairs; predictions are equal; accuracies are equal" in found.context


def test_mixed_precision_is_claim_9():
    rows = [row | {"hardware": "rtx5000_amp"} for row in cell(runs(rng(), 5), "impl") + CONTROL]
    assert words(rows, "C9") == [REPRODUCED]
    assert words(cell(runs(rng(), 5), "impl") + CONTROL, "C9") == [NOT_MEASURED]


# --- C2, C3: the same order, the same mean ---------------------------------------------------------------------------


def test_a_noise_without_churn_is_of_another_order_and_two_are_undefined():
    silent = cell(STILL, "impl")
    found = one(silent + cell(runs(rng(), 10), "algo"), "C2")
    assert (found.verdict, found.effect) == (NOT_REPRODUCED, 0) and 0 < found.p < 0.05
    both = one(silent + cell(STILL, "algo"), "C2")
    assert (both.verdict, both.adjusted) == (UNDEFINED, UNDEFINED) and "churn is 0 in both" in both.note


def test_one_changed_prediction_is_not_another_order():
    """If one run in ten changes one prediction, and none in the other cell, chance may have put it there."""
    nearly = STILL.copy()
    nearly[0, 0] ^= True
    assert words(cell(STILL, "impl") + cell(nearly, "algo"), "C2") == [NOT_DECIDED]


def test_metrics_without_standard_errors_are_undefined():
    rows = [row | {"error": np.nan, "freedom": np.nan} for row in two_noises(rng(), 10, 1)]
    found = one(rows, "C2")
    assert found.verdict == UNDEFINED and "no standard error" in found.note


def test_the_standard_error_is_the_rows_own_and_not_that_of_a_clipped_interval():
    """Clipping the end of an interval at 0 or 100 must not change a verdict or a p-value (B14)."""
    rows = two_noises(rng(), 10, 1.5)
    clipped = [row | {"low": row["value"], "high": row["value"]} for row in rows]
    assert one(rows, "C2").p == one(clipped, "C2").p


def test_degrees_of_freedom_are_those_of_the_sets():
    """Five sets have four degrees of freedom, which Welch and Satterthwaite combine with the nine of ten runs (B14)."""
    rows = two_noises(rng(), 10, 1.5)
    impl, algo = (next(r for r in rows if r["metric"] == "churn" and r["noise"] == noise) for noise in ("impl", "algo"))
    assert (impl["freedom"], algo["freedom"]) == (4, 9)
    parts = [(row["error"] / row["value"]) ** 2 for row in (impl, algo)]
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 4 + parts[1] ** 2 / 9)
    high = np.log(impl["value"] / algo["value"]) + stats.student_quantile(freedom) * np.sqrt(sum(parts))
    assert one(rows, "C2").high == pytest.approx(np.exp(high))


def test_one_seed_set_does_not_speak_for_all():
    """The same numbers, as one set and as five: only five sets can show that the mean did not move."""
    rows = means(rng(), 20, error=0.005)
    assert words(rows, "C3") == [REPRODUCED]
    assert one(rows, "C3").note == ""
    conditional = one(means(rng(), 20, error=0.005, spread=0.5, sets=1), "C3")
    assert conditional.verdict == NOT_DECIDED
    assert "conditional on one seed set (cpu/net-data/impl)" in conditional.note
    assert "spread of algo" in conditional.note


def test_the_interval_of_the_largest_of_three_differences_is_corrected():
    rows = means(rng(), 10)
    rows = [row for row in rows if row["metric"] == "accuracy_mean"]
    estimates = [stats.Estimate(*(row[key] for key in ("value", "low", "high", "error", "freedom"))) for row in rows]
    pairs = [(0, 1), (0, 2), (1, 2)]
    differences = [stats.difference(estimates[a], estimates[b], 1 - 0.05 / 3) for a, b in pairs]
    largest = max(differences, key=lambda d: abs(d.value))
    found = one(rows, "C3")
    assert (found.effect, found.low, found.high) == pytest.approx(largest[:3])


# --- C4, C5: beyond the null -----------------------------------------------------------------------------------------


def over_null(*values: float, p: float = 0.5, n: int = 10, note: str = "", **null: float) -> list[dict]:
    """Return rows of class standard deviations over their null, and the row of their maximum."""
    about = COMMON | {"hardware": "cpu", "task": "net-data", "noise": "algo_impl", "n_replicates": n, "seed_sets": 1}
    ends = {"null_low": 1.1, "null_median": 1.3, "null_high": 1.8, "p": p} | null
    name = "class_std_over_null"
    rows = [metric_row(name, "1", value, group=f"class {k}") for k, value in enumerate(values)]
    largest = float(np.nanmax(values)) if not np.isnan(values).all() else np.nan
    return [about | row for row in [*rows, metric_row(f"{name}_max", "1", largest, note=note) | ends]]


def test_a_class_beyond_its_null():
    found = one(over_null(1.0, 2.5, p=0.002), "C4")
    assert (found.verdict, found.effect, found.p) == (REPRODUCED, 2.5, 0.002)
    assert (found.low, found.high) == (1.1, 1.8)
    assert words(over_null(1.0, 1.5), "C4") == [INSIDE_NULL]
    assert one(over_null(1.0, 1.5), "C4").adjusted == INSIDE_NULL


def test_classes_that_are_shown_to_vary_no_more_than_the_null():
    """All classes must be shown to be within the margin: with ten runs they hardly can, with two hundred they can."""
    assert words(over_null(1.0, 1.05, n=200), "C4") == [NOT_REPRODUCED]
    assert words(over_null(1.0, 1.05, np.nan, n=200), "C4") == [NOT_REPRODUCED]
    assert words(over_null(1.0, 1.05, n=10), "C4") == [INSIDE_NULL]
    assert words(over_null(0.5, 0.6, n=10, p=1.0), "C4") == [NOT_REPRODUCED]
    assert words(over_null(0.5, 1.4, n=200), "C4") == [INSIDE_NULL]


@pytest.mark.parametrize("missing", ["null_low", "null_high", "p"])
def test_an_undefined_null_is_never_inside_the_null(missing):
    reason = "undefined: a draw has no spread"
    found = one(over_null(1.0, 1.5, note=reason, **{missing: np.nan}), "C4")
    assert (found.verdict, found.adjusted, found.note) == (UNDEFINED, UNDEFINED, reason)
    assert one(over_null(np.nan), "C4").verdict == UNDEFINED


def sub_group_rows(value: float, p: float, positives: int = 5, n: int = 10) -> list[dict]:
    about = COMMON | {"hardware": "cpu", "task": "net-faces", "noise": "algo_impl", "n_replicates": n, "seed_sets": 1}
    null = {"null_low": 1.0, "null_median": 2.0, "null_high": 3.0, "p": p}
    if np.isnan(p):
        null = dict.fromkeys(null, np.nan) | {"note": "undefined: no positives"}
    rows = [metric_row("group_fnr_std", "percentage points", value, group="few") | null]
    rows += [metric_row("group_fnr_std", "percentage points", 9.0, group=g) for g in ("all", "many")]
    for group, count in (("all", 505), ("few", positives), ("many", 500)):
        rows.append(metric_row("group_positives", "count", count, group=group))
    return [about | row for row in rows]


def test_the_smallest_sub_group_against_its_own_null():
    found = one(sub_group_rows(3.5, 0.01), "C5")
    assert (found.verdict, found.effect, found.low, found.high, found.p) == (REPRODUCED, 3.5, 1.0, 3.0, 0.01)
    assert found.context.startswith("few (fewest positives)")
    assert words(sub_group_rows(2.1, 0.4), "C5") == [INSIDE_NULL]
    assert words(sub_group_rows(2.1, 0.4, n=300), "C5") == [NOT_REPRODUCED]
    empty = one(sub_group_rows(np.nan, np.nan, positives=0), "C5")
    assert (empty.verdict, empty.note) == (UNDEFINED, "undefined: no positives")


# --- C6 to C8, C10: noise levels -------------------------------------------------------------------------------------


def test_a_difference_that_is_real_but_smaller_than_the_margin_counts_as_none():
    assert decide(p_for=0.001, p_against=0.001) == NOT_REPRODUCED
    assert [decide(0.05, 1), decide(1, 0.05), decide(0.06, 0.06), decide(np.nan, np.nan)] == [
        *(REPRODUCED, NOT_REPRODUCED, NOT_DECIDED, NOT_DECIDED)
    ]


def test_the_largest_over_the_smallest_has_bonferronis_correction():
    """Four cells have six pairs."""
    rows = tasks(rng(), 10, 1, 1, 1.2, 1.6)
    churn = sorted((row for row in rows if row["metric"] == "churn"), key=lambda row: row["value"])
    low, high = (stats.Estimate(*(r[k] for k in ("value", "low", "high", "error", "freedom"))) for r in churn[::3])
    wide = stats.log_ratio(high, low, 1 - 0.05 / 6)
    found = one(rows, "C7")
    assert (found.effect, found.low, found.high) == pytest.approx(tuple(np.exp(wide[:3])))
    assert found.p_for == pytest.approx(6 * stats.p_different(wide))


def test_an_accelerator_without_noise_beside_one_with_noise_is_a_fact():
    moved, still = (runs(rng(), 10), STILL)
    quiet = cell(still, "impl", hardware="t4", hashes=[0] * 10)
    found = one(cell(moved, "impl", hardware="v100") + quiet, "C8")
    assert found.verdict == found.adjusted == REPRODUCED and np.isnan(found.p)
    assert "all weights are equal on t4" in found.context
    both = cell(still, "impl", hardware="v100", hashes=[0] * 10) + quiet
    assert words(both, "C8") == [NOT_REPRODUCED]
    few = cell(still[:3], "impl", hardware="t4", hashes=[0] * 3)  # three equal runs do not show that noise is zero
    assert words(cell(moved, "impl", hardware="v100") + few, "C8") == [NOT_DECIDED]
    assert words(quiet, "C8") == [NOT_MEASURED]


def test_no_churn_is_not_zero_noise_if_weights_differ():
    """Ten runs without a changed prediction, against ten of which one changed one: nothing is decided."""
    nearly = STILL.copy()
    nearly[0, 0] ^= True
    rows = cell(STILL, "impl", hardware="t4") + cell(nearly, "impl", hardware="v100")
    assert words(rows, "C8") == [NOT_DECIDED]


def test_a_trend_over_devices_says_beforehand_which_number_can_decide_it():
    four = one(devices(rng(), 10, 8, 4, 2, 1), "C10")
    assert (four.verdict, four.effect, four.p) == (NOT_DECIDED, 1.0, pytest.approx(2 / 24))
    assert "p cannot be below 0.083" in four.note and "five of different size" in four.note
    five = one(devices(rng(), 10, 16, 8, 4, 2, 1), "C10")
    assert (five.verdict, five.p) == (REPRODUCED, pytest.approx(2 / 120))
    assert "p cannot" not in five.note
    tied = devices(rng(), 10, 16, 8, 4, 2, 1)
    tied = [row | {"value": 10.0} if row["metric"] == "multiprocessors" else row for row in tied]
    assert one(tied, "C10").verdict == UNDEFINED


def test_mixed_precision_is_no_device_of_its_own():
    rows = devices(rng(), 10, 16, 8, 4, 2, 1)
    rows = [row | {"hardware": "rtx5000_amp"} if row["hardware"] == "gpu4" else row for row in rows]
    assert "over 4 devices" in one(rows, "C10").context


# --- multiplicity ----------------------------------------------------------------------------------------------------


def test_holm_over_the_contexts_of_a_claim_by_hand():
    """Of 0.01, 0.04 and 0.03, Holm rejects the first alone: 0.03 times two tests is above 5 %."""
    found = adjust([Verdict("", "", REPRODUCED, p_for=p, p_against=1 - p) for p in (0.01, 0.04, 0.03)])
    assert [verdict.adjusted for verdict in found] == [REPRODUCED, NOT_DECIDED, NOT_DECIDED]
    assert [verdict.verdict for verdict in found] == [REPRODUCED] * 3
    assert [verdict.p for verdict in found] == [0.01, 0.04, 0.03]


def test_each_direction_has_its_own_family():
    yes, no = (
        Verdict("", "", REPRODUCED, p_for=0.03, p_against=0.97),
        Verdict("", "", NOT_REPRODUCED, p_for=0.97, p_against=0.03),
    )
    assert [v.adjusted for v in adjust([yes, no])] == [NOT_DECIDED, NOT_DECIDED]  # two tests in each family
    assert adjust([yes])[0].adjusted == REPRODUCED


def test_facts_and_contexts_without_a_test_do_not_count():
    fact = Verdict("", "", REPRODUCED, proven=True)
    few = not_from_few(Verdict("", "", REPRODUCED, n=3, p_for=0.9, p_against=0.9))
    decided = Verdict("", "", REPRODUCED, p_for=0.03, p_against=0.97)
    assert [v.adjusted for v in adjust([fact, few, decided])] == [REPRODUCED, NOT_DECIDED, REPRODUCED]


def test_many_contexts_are_adjusted_in_the_table():
    """Twenty tasks whose algorithmic noise is at the margin: some verdicts fall by chance, hardly any after Holm."""
    rows = [row | {"task": f"net{k}-data"} for k in range(20) for row in two_noises(rng(k), 10, 2.0)]
    table = claims_table(pd.DataFrame(rows, columns=list(COLUMNS)))
    assert list(table.columns[:5]) == ["claim", "statement", "context", "verdict", "verdict_adjusted"]
    assert {"p", "note"} <= set(table.columns)
    found = table[table["claim"] == "C2"]
    assert len(found) == 20 and (found["verdict_adjusted"] == NOT_DECIDED).all()
    assert (found["p"] > 0).all()


def test_published_values_are_the_verified_ones_only():
    published = pd.read_csv(ROOT / "workflow/catalog/published.csv")
    assert all(grade[0] in "AC" for grade in published["grade"])
