"""Several looks at the same results: the levels by hand, and loops without effect, in which each decision is false."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from noisegrid import stats

LOOPS, LOOKS = 1000, 50
#: Of 1,000 loops of which each errs with probability 5 %, at most this number errs (99 %).
MOST = scipy_stats.binom.ppf(0.99, LOOPS, 0.05)


def test_the_levels_by_hand():
    assert [stats.level_at_look(k) for k in (1, 2, 3)] == pytest.approx([1 - 0.05 / 2, 1 - 0.05 / 6, 1 - 0.05 / 12])
    assert [stats.level_at_look(k, 0.9, looks=4) for k in (1, 2, 3, 4)] == pytest.approx([0.975] * 4)


@given(st.floats(0.5, 0.999), st.integers(1, 400))
def test_all_looks_together_spend_no_more_than_one(confidence, looks):
    for planned in (None, looks):
        spent = sum(1 - stats.level_at_look(k, confidence, planned) for k in range(1, looks + 1))
        share = 1 if planned else looks / (looks + 1)
        assert spent == pytest.approx(share * (1 - confidence), rel=1e-6)


@pytest.mark.parametrize(("look", "looks"), [(0, None), (-1, 3), (4, 3)])
def test_a_look_that_does_not_exist(look, looks):
    with pytest.raises(ValueError, match=f"no look {look}"):
        stats.level_at_look(look, looks=looks)


def more_runs(effect: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return t and its degrees of freedom at each look of each loop, if each look adds a run to both sides."""
    runs = np.random.default_rng(1).normal(size=(2, LOOPS, 2 + LOOKS))
    runs[1] += effect
    n = np.arange(3, 3 + LOOKS)
    sums, squares = (np.cumsum(values, axis=-1)[..., 2:] for values in (runs, runs**2))
    variances = (squares - sums**2 / n) / (n - 1)
    means = sums / n
    return (means[1] - means[0]) / np.sqrt(variances.sum(axis=0) / n), 2 * n - 2


def other_candidates() -> tuple[np.ndarray, np.ndarray]:
    """Return the same if each look compares another candidate with the same ten base runs."""
    rng, n = np.random.default_rng(2), 10
    base, new = rng.normal(size=(LOOPS, 1, n)), rng.normal(size=(LOOPS, LOOKS, n))
    error = np.sqrt((base.var(axis=-1, ddof=1) + new.var(axis=-1, ddof=1)) / n)
    return (new.mean(axis=-1) - base.mean(axis=-1)) / error, np.full(LOOKS, 2 * n - 2)


def deciding(t: np.ndarray, freedom: np.ndarray, level: Callable[[int], float]) -> tuple[int, int]:
    """Return how many loops ever say "better", and how many ever decide."""
    critical = np.array([stats.student_quantile(freedom[k], level(k + 1)) for k in range(LOOKS)])
    return int((t > critical).any(axis=1).sum()), int((np.abs(t) > critical).any(axis=1).sum())


@pytest.mark.parametrize("loops", [more_runs, other_candidates])
@pytest.mark.parametrize("planned", [None, LOOKS])
def test_a_loop_without_effect_decides_in_at_most_5_percent(loops, planned):
    better, decided = deciding(*loops(), lambda look: stats.level_at_look(look, looks=planned))
    assert better <= decided <= MOST


@pytest.mark.parametrize("loops", [more_runs, other_candidates])
def test_a_loop_that_spends_nothing_errs_far_more_often(loops):
    better, decided = deciding(*loops(), lambda _: 0.95)
    assert decided > better > 3 * MOST / 2


def test_an_effect_of_one_standard_deviation_is_found_although_each_look_costs():
    better, decided = deciding(*more_runs(effect=1), stats.level_at_look)
    assert better > 0.7 * LOOPS
    assert decided - better <= MOST
