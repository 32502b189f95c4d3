"""Binomial intervals: by hand, and against SciPy."""

import pytest
from scipy.stats import binomtest

from noisegrid import stats


def test_no_event_in_ten_trials():
    """The upper end is the probability at which ten failures in a row have a probability of 2.5 %."""
    found = stats.share(0, 10)
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(1 - 0.025**0.1)


@pytest.mark.parametrize(("count", "trials"), [(0, 1), (1, 1), (3, 10), (10, 200), (200, 200)])
def test_the_interval_is_that_of_scipy(count, trials):
    found, exact = stats.share(count, trials), binomtest(count, trials).proportion_ci(method="exact")
    assert found.value == count / trials
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high))
