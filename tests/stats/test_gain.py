"""The gain of new runs: against SciPy, values computed by hand, and the truths of benchmarks/gate_rates.py."""

import sys

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats as scipy_stats

from noisegrid.stats import gain as gains
from noisegrid.stats.comparison import BETTER, EQUIVALENT, UNDECIDED, WORSE
from noisegrid.stats.gain import Gain, Part, decide, gain, gain_of_examples, grid_step, runs_to_decide
from noisegrid.stats.hypotheses import holm

sys.path.insert(0, str(ROOT / "benchmarks"))
import gate_rates

DRAWS = 1000
scores = arrays(np.int8, st.tuples(st.integers(2, 5), st.integers(2, 8)), elements=st.integers(0, 1))


# --- estimates -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999])
def test_without_examples_it_is_welchs_and_the_paired_interval(confidence):
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=8), rng.normal(1, 2, size=12)
    for found, oracle in (
        (gain(first, second), scipy_stats.ttest_ind(second, first, equal_var=False)),
        (gain(first, second[:8], paired=True), scipy_stats.ttest_rel(second[:8], first)),
    ):
        low, high = oracle.confidence_interval(confidence)
        assert found.estimate(confidence)[1:3] == pytest.approx((low, high))
        assert found.of_runs(confidence) == found.estimate(confidence)
        assert np.isnan(found.of_examples())


@pytest.mark.parametrize("scale", [1e-90, 1e90])
def test_tiny_and_huge_results_have_the_degrees_of_freedom_of_others(scale):
    base, new = np.array([1.0, 2.0, 3.0, 5.0]), np.array([2.0, 2.5, 4.0, 9.0])
    plain, found = gain(base, new, paired=False).estimate(), gain(scale * base, scale * new, paired=False).estimate()
    assert found.freedom == pytest.approx(plain.freedom) and found.high / scale == pytest.approx(plain.high)


def test_cochran_and_cox_by_hand():
    """s1^2/n1 = 1/3, s2^2/n2 = (5/3)/4; critical values of t with 2 and 3 degrees of freedom, 4.302653 and 3.182446."""
    first, second = np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 2.0, 3.0])
    parts = gain(first, second).runs
    assert [part.variance / part.units for part in parts] == pytest.approx([1 / 3, 5 / 12])
    found = Gain(0.5, (Part(1.0, 3), Part(5 / 3 * 6 / 4, 6)))  # six units with the same squared error as the four
    critical = (1 / 3 * 4.302653 + 5 / 12 * 2.570582) / (1 / 3 + 5 / 12)
    assert found.test() == "Cochran and Cox's t"
    assert found.estimate().high == pytest.approx(0.5 + critical * (1 / 3 + 5 / 12) ** 0.5, rel=1e-6)
    assert (
        "Welch's t"
        == Gain(0.5, (Part(1.0, 3), Part(1.0, 4))).test()
        == Gain(0.5, (Part(1.0, 10), Part(1.0, 90))).test()
    )


def test_two_levels_by_hand():
    """Base: scores [[1, 0], [0, 0]]; new: [[1, 1], [1, 0]].

    Runs: means 1/2 and 0 (variance 1/8), 1 and 1/2 (variance 1/8). Differences by example: 1/2 and 1/2 (variance 0).
    """
    found = gain_of_examples(np.array([[1, 0], [0, 0]]), np.array([[1, 1], [1, 0]]))
    assert found.value == 0.5
    assert found.runs == (Part(0.125, 2), Part(0.125, 2))
    assert found.examples == Part(0.0, 2)


@given(scores, st.integers(2, 5), st.data())
@settings(max_examples=60, deadline=None)
def test_two_levels_are_the_mean_squares_of_the_two_way_classification(first, runs, data):
    shape = (runs, first.shape[1])
    second = data.draw(arrays(np.int8, shape, elements=st.integers(0, 1)))
    found = gain_of_examples(first, second)
    examples = first.shape[1]
    remainder = 0.0
    for side in (first, second):
        residual = side - side.mean(axis=0) - side.mean(axis=1, keepdims=True) + side.mean()
        remainder += (residual**2).sum() / ((len(side) - 1) * (examples - 1)) / len(side)
    of_examples = (second.mean(axis=0) - first.mean(axis=0)).var(ddof=1)
    assert found.examples.variance == pytest.approx(max(0.0, of_examples - remainder), abs=1e-9)
    assert [part.variance for part in found.runs] == pytest.approx(
        [side.mean(axis=1).var(ddof=1) for side in (first, second)]
    )


def test_examples_are_added_by_cochran_and_cox():
    """Squared errors 0.1 (8 degrees of freedom: 2.306004) and 0.04 (99 degrees of freedom: 1.984217)."""
    found = Gain(1.0, (Part(0.25, 5), Part(0.25, 5)), Part(4.0, 100))
    critical = (0.1 * 2.306004 + 0.04 * 1.984217) / 0.14
    assert found.estimate().high == pytest.approx(1 + critical * 0.14**0.5, rel=1e-6)
    assert found.of_runs().high == pytest.approx(1 + 2.306004 * 0.1**0.5, rel=1e-6)
    assert found.of_examples() == pytest.approx(1.984217 * 0.2, rel=1e-6)


def test_scaled_and_turned_around():
    found = gain_of_examples(np.array([[1, 0, 0], [0, 0, 1]]), np.array([[1, 1, 0], [1, 0, 1]]))
    percent, turned = found.scaled(100), found.scaled(-1)
    assert percent.estimate()[:4] == pytest.approx([100 * field for field in found.estimate()[:4]])
    assert percent.of_examples() == pytest.approx(100 * found.of_examples())
    assert turned.estimate()[:3] == pytest.approx([-found.value, -found.estimate().high, -found.estimate().low])


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ([93.1, 93.4, 93.2], 0.1),
        ([0.5, 0.5, 0.5], 0.0),
        ([0.1, 0.2, 0.45], 0.0),
        ([1 / 3, 2 / 3, 1.0], 1 / 3),
        ([-2.0, 0.0, 2.0, 8.0], 2.0),
        ([93.1323, 93.2998, 94.1374, 92.4623], 0.1675),  # 556, 557, 562 and 552 of 597, rounded
    ],
)
def test_grid(values, step):
    assert grid_step(np.array(values)) == pytest.approx(step, abs=1e-12)


def test_equal_runs_on_a_grid_are_not_exactly_equal():
    """Three runs at 0.90 and three at 0.91 of 100 examples: a variance of 0.01 squared / 12, not 0."""
    first, second = np.full(3, 0.90), np.full(3, 0.91)
    found = gain(first, second, step=grid_step(np.concatenate([first, second])))
    assert [part.variance for part in found.runs] == pytest.approx([1e-4 / 12] * 2)
    assert gain(first, second, paired=True, step=0.01).runs[0].variance == pytest.approx(2e-4 / 12)
    assert gain(first, second).estimate().error == 0


def test_refused():
    one, two = np.zeros(1), np.zeros(2)
    for first, second, paired in ((one, two, False), (two, one, False), (two, np.zeros(3), True)):
        with pytest.raises(ValueError, match="two runs"):
            gain(first, second, paired)
    for first, second in ((np.zeros((2, 1)), np.zeros((2, 1))), (np.zeros((2, 3)), np.zeros((2, 4)))):
        with pytest.raises(ValueError, match="same examples"):
            gain_of_examples(first, second)


# --- verdicts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "at_least", "within", "verdict"),
    [
        (3.0, 0.0, 0.0, BETTER),  # the 95 % interval of a gain with 18 degrees of freedom is the gain +- 2.10
        (2.0, 0.0, 0.0, UNDECIDED),
        (-3.0, 0.0, 0.0, WORSE),
        (3.0, 1.0, 0.0, UNDECIDED),
        (3.0, 0.85, 0.0, BETTER),
        (1.0, 0.0, 2.7, UNDECIDED),  # the 90 % interval is the gain +- 1.73
        (1.0, 0.0, 2.8, EQUIVALENT),
        (-1.0, 0.0, 2.8, EQUIVALENT),
        (2.2, 0.0, 5.0, EQUIVALENT),  # different, by less than matters
        (-2.2, 1.0, 0.0, WORSE),
    ],
)
def test_verdict(value, at_least, within, verdict):
    assert decide(Gain(value, (Part(5.0, 10), Part(5.0, 10))), 0.95, at_least, within) == verdict


def test_runs_to_decide_against_the_power_that_simulation_finds():
    found, draws = Gain(1.0, (Part(1.0, 4), Part(4.0, 6))), 2000
    more = runs_to_decide(found)
    rng = np.random.default_rng(0)

    def power(runs: int) -> float:
        first, second = rng.normal(0, 1, (draws, 4 + runs)), rng.normal(1, 2, (draws, 6 + runs))
        return float(np.mean([decide(gain(a, b)) == BETTER for a, b in zip(first, second, strict=True)]))

    low, high = scipy_stats.binom.ppf([0.005, 0.995], draws, 0.8) / draws
    assert power(more) >= low and power(more - 3) < high
    assert power(more // 2) < low  # the negative control


def test_runs_to_decide_where_no_number_decides():
    few = Gain(1.0, (Part(1.0, 5), Part(1.0, 5)), examples=Part(100.0, 100))
    assert runs_to_decide(few) is None  # the examples alone leave +- 1.98
    assert runs_to_decide(few._replace(examples=Part(1.0, 100))) is not None
    assert runs_to_decide(Gain(0.0, few.runs)) is None
    assert runs_to_decide(Gain(0.0, few.runs), within=0.5) is not None
    assert runs_to_decide(Gain(0.5, few.runs), at_least=0.5) is None


# --- simulated truths ------------------------------------------------------------------------------------------------

#: Larger cases take longer; benchmarks/gate_rates.py draws them.
CASES = [
    case
    for case in gate_rates.cases()
    if case.examples <= 200 and max(case.base, case.new) < 50 and case.name != gate_rates.SKEWED
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{case.base}-{case.new}")
def test_size_and_coverage(case):
    size, covered = gate_rates.rates(case, DRAWS, np.random.default_rng(1))
    assert gate_rates.passes(size, covered, DRAWS), (size, covered)


def without_rules(monkeypatch) -> None:
    """Take Welch's t test whatever the numbers of runs, and equal results on a grid for exactly equal."""
    monkeypatch.setattr(gains, "ENOUGH", 0)
    monkeypatch.setattr(gate_rates, "grid_step", lambda values: 0.0)


@pytest.mark.parametrize("name", ["normal", "rounded to steps of 4 standard deviations"])
def test_plain_welch_errs_too_often(monkeypatch, name):
    case = next(case for case in gate_rates.cases() if case.name == name and (case.base, case.new) == (3, 50))
    without_rules(monkeypatch)
    draws = 4 * DRAWS
    assert not gate_rates.passes(*gate_rates.rates(case, draws, np.random.default_rng(1)), draws)


def test_an_interval_over_runs_alone_does_not_cover_the_difference_on_other_examples(monkeypatch):
    case = next(case for case in gate_rates.cases() if case.examples and case.base == 50)
    monkeypatch.setattr(Gain, "estimate", Gain.of_runs)
    assert not gate_rates.passes(*gate_rates.rates(case, 300, np.random.default_rng(1)), 300)


@pytest.mark.parametrize(("examples", "before", "after"), [(50, 0.03, 0.01), (100, 0.1, 0.08), (500, 0.03, 0.01)])
def test_few_examples_that_differ_are_no_proof(examples, before, after):
    """The new runs are right on some examples on which the base runs err; few of these, or none, are in a test set."""
    rng, draws, true = np.random.default_rng(0), 500, (before - after) * 0.95
    found = {1.0: [], 0.0: []}
    for _ in range(draws):
        hard = rng.random(examples)
        sides = [
            (rng.random((3, examples)) < np.where(hard < share, 0.05, 1.0)).astype(np.int8) for share in (before, after)
        ]
        for span, each in found.items():
            each.append(gain_of_examples(*sides, span=span))
    covered = {
        span: np.mean([gains.estimate().low <= true <= gains.estimate().high for gains in each])
        for span, each in found.items()
    }
    equivalent = np.mean([decide(each, within=true) == EQUIVALENT for each in found[1.0]])
    assert covered[1.0] > 0.93 and equivalent <= scipy_stats.binom.ppf(0.995, draws, 0.05) / draws
    assert covered[0.0] < 0.93 or examples == 500  # the negative control


def test_four_more_examples_by_hand():
    """Without a difference, the variance is that of two +1 and two -1 in 100 examples."""
    scores = np.ones((3, 100), np.int8)
    found = gain_of_examples(scores, scores, span=1.0)
    assert found.examples == Part(4 / 99, 100)
    assert found.estimate().high == pytest.approx(0.0399, abs=0.001)


@pytest.mark.parametrize("runs", [3, 10])
def test_no_class_differs_where_none_does(runs):
    """A hundred classes with two examples each, of which two runs often agree by chance."""
    rng, wrong = np.random.default_rng(0), 0
    for _ in range(50):
        correct = (rng.random((100, 2 * runs, 2)) < np.clip(rng.normal(0.9, 0.15, (100, 1, 2)), 0, 1)).astype(np.int8)
        p = [gain_of_examples(each[:runs], each[runs:], span=1.0).p_value() for each in correct]
        wrong += holm(np.array(p)).min() <= 0.05
    assert wrong <= scipy_stats.binom.ppf(0.995, 50, 0.05)


@pytest.mark.parametrize("value", [0.5, 1.0, 3.0, -2.0])
def test_p_value_is_that_of_the_interval(value):
    found = Gain(value, (Part(5.0, 10), Part(5.0, 10)))
    oracle = 2 * scipy_stats.t.sf(abs(value), 18)
    assert found.p_value() == pytest.approx(oracle, rel=2e-3)
