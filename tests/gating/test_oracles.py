"""Verdicts against other tools: their answers are in oracles/oracles.json, which oracles/make.py writes."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW, ttost_ind

from noisegrid.gating.metric import lower_is_better
from noisegrid.stats.comparison import BETTER, EQUIVALENT, UNDECIDED, WORSE, probability_of_superiority, violation_ratio
from noisegrid.stats.gain import decide, gain, gain_of_examples
from noisegrid.stats.hypotheses import holm, p_above

ORACLES = json.loads((Path(__file__).parent / "oracles/oracles.json").read_text())


@pytest.fixture(params=ORACLES["samples"], ids=lambda sample: f"{len(sample['base'])} runs")
def sample(request):
    return request.param


def sides(sample) -> tuple[np.ndarray, np.ndarray]:
    return np.array(sample["base"]), np.array(sample["new"])


def test_probability_of_superiority_is_that_of_rliable_and_ictonyx(sample):
    found = probability_of_superiority(*sides(sample)).value
    assert found == pytest.approx(sample["rliable probability of improvement"])
    assert 2 * found - 1 == pytest.approx(sample["ictonyx rank biserial"])


def test_violation_ratio_is_that_of_deepsig(sample):
    found = violation_ratio(*sides(sample), np.random.default_rng(0)).value
    assert found == pytest.approx(sample["deepsig violation ratio"], abs=1e-3)


def test_p_is_close_to_that_of_deepsigs_permutations(sample):
    ours = p_above(gain(*sides(sample)).estimate())
    assert ours == pytest.approx(sample["deepsig permutation p"], abs=0.04)


def test_a_paired_difference_is_that_of_deltagate(sample):
    found = gain(*sides(sample), paired=True)
    assert found.value == pytest.approx(sample["deltagate delta"])
    assert found.estimate().error == pytest.approx(sample["deltagate standard error"])


def test_with_equal_runs_only_the_examples_are_a_sample_as_for_deltagate(sample):
    """Three equal runs of each side have no noise of runs, so that the error is that of one run on these examples."""
    found = gain_of_examples(*(np.tile(side, (3, 1)) for side in sides(sample)))
    assert found.estimate().error == pytest.approx(sample["deltagate standard error"])


@pytest.mark.parametrize(("metric", "direction"), ORACLES["ictonyx direction"].items())
def test_direction_is_that_of_ictonyx(metric, direction):
    assert direction == ("lower" if lower_is_better(metric) else "higher")


def test_holm_is_that_of_deltagate():
    assert holm(np.array(ORACLES["holm"]["p"])) == pytest.approx(ORACLES["holm"]["deltagate"])


def test_verdicts_are_those_of_scipy_and_statsmodels(sample):
    base, new = sides(sample)
    p, positive = scipy_stats.ttest_ind(new, base, equal_var=False).pvalue, new.mean() > base.mean()
    expected = UNDECIDED if p > 0.05 else BETTER if positive else WORSE
    assert decide(gain(base, new)) == expected
    low, high = CompareMeans(DescrStatsW(new), DescrStatsW(base)).tconfint_diff(usevar="unequal")
    assert gain(base, new).estimate()[1:3] == pytest.approx((low, high))
    for within in (0.5, 1.0, 2.0, 6.0):
        equivalent = ttost_ind(new, base, -within, within, usevar="unequal")[0] < 0.05
        assert (decide(gain(base, new), within=within) == EQUIVALENT) == equivalent
