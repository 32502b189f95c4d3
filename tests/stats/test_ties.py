"""The test of equal results: by hand, on independent results of many shapes, and on runs that are there twice."""

import itertools

import numpy as np
import pytest
from scipy import stats as scipy_stats

from noisegrid import stats

LOOPS = 150
#: Of 150 tests of which each errs with probability 5 %, at most this number errs (99 %).
MOST = scipy_stats.binom.ppf(0.99, LOOPS, 0.05)
SHAPES = {
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy-tailed": lambda rng, n: rng.standard_t(3, size=n),
    "with outliers": lambda rng, n: rng.normal(size=n) * np.where(rng.random(n) < 0.1, 15, 1),
    "two modes": lambda rng, n: 0.3 * rng.normal(size=n) + 2 * rng.integers(2, size=n),
}


def p_ties(places) -> float:
    return stats.p_ties(np.array(places, float), 1, np.random.default_rng(0))


def suspicious(draw, rng) -> int:
    return sum(p_ties(draw(rng)) <= 0.05 for _ in range(LOOPS))


@pytest.mark.parametrize(("n", "spread"), [*itertools.product((5, 10, 30), (5, 20, 100))])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_independent_results_are_called_equal_too_often_in_at_most_5_percent(shape, n, spread):
    assert suspicious(lambda rng: np.round(spread * shape(rng, n)), np.random.default_rng([n, spread])) <= MOST


def test_runs_that_are_there_twice_are_found():
    rng = np.random.default_rng(0)
    assert suspicious(lambda rng: np.round(20 * rng.normal(size=5)).repeat(2), rng) > 0.7 * LOOPS
    assert suspicious(lambda rng: np.round(20 * rng.normal(size=10)).repeat(2), rng) > 0.7 * LOOPS


def test_by_hand():
    """Four values in a cell of two steps are equal with probability 1/8; the other cells have one value each."""
    places = [0, 0, 0, 0, 20, -20, 41, -41]
    assert p_ties(places) == pytest.approx(1 / 8, abs=0.03)
    assert stats.p_ties(np.array(places) * 0.001 + 0.93, 0.001, np.random.default_rng(0)) == p_ties(places)
    assert p_ties([0, 10, 25, 45, 70]) == 1


def test_coarse_results_say_nothing():
    for places in ([0, 0, 0, 1, 1, 2], [3, 3, 3, 3, 3], [90, 90, 90, 90, 10]):
        assert np.isnan(p_ties(places))
