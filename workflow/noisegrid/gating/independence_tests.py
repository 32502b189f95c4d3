"""Statistical tests of the independence of runs: of ties, of their order, and of pairs that are nearly the same."""

import math
from typing import NamedTuple

import numpy as np

from noisegrid.common.escape import terminal
from noisegrid.gating.checks import groups_of_equals
from noisegrid.gating.metric import is_share
from noisegrid.gating.naming import name, several
from noisegrid.gating.rounding import step
from noisegrid.gating.sentences import number
from noisegrid.reading.runs import Examples, Runs
from noisegrid.stats.intervals import FEWEST
from noisegrid.stats.near_duplicates import p_near_duplicates
from noisegrid.stats.ties import p_ties
from noisegrid.stats.trend import p_neighbours, trend_in_order

Array = np.ndarray
#: The probability that any test of independent runs calls them suspicious.
LEVEL = 0.05
#: The largest number of runs whose neighbours are compared.
MOST = 2000
#: If two runs differ on fewer examples than this share of those that a run gets wrong, all may be nearly the same.
FEW = 0.05


class Tested(NamedTuple):
    """What a test of independence says.

    Attributes
    ----------
    about : str
        What it is about (see `independence.Finding`).
    p : float
        The p-value; NaN if nothing could be tested.
    small, large : str
        What it says if the p-value is small, and otherwise.
    measure : str
        What was measured, for readers who know it. It may be empty.
    """

    about: str
    p: float
    small: str = ""
    large: str = ""
    measure: str = ""


def tests_of(runs: Runs, disagreement: Array | None) -> list[Tested]:
    """Test whether runs are independent, in each way that is possible.

    Parameters
    ----------
    runs : Runs
        The runs, in the order in which they were made, if it is known.
    disagreement : (runs, runs) or None
        The share of examples on which each two runs differ.
    """
    made = []
    if disagreement is not None and runs.examples is not None:
        made.append(_near_duplicates(runs, runs.examples, disagreement))
    if len(runs) >= FEWEST:
        made += [_ties(runs), _trend(runs), _neighbours(runs, disagreement)]
    return [test for test in made if not math.isnan(test.p)]


def _near_duplicates(runs: Runs, examples: Examples, disagreement: Array) -> Tested:
    """Test whether two runs that are not identical differ on far fewer examples than the other pairs."""
    predicted = examples.scores if examples.predicted is None else examples.predicted
    correct = examples.scores if examples.scores.dtype == bool else predicted == np.asarray(examples.labels)
    pairs = np.nonzero(np.triu(disagreement))
    if not len(pairs[0]):
        return Tested("near", math.nan)
    p, total = p_near_duplicates(correct, predicted, disagreement)[pairs], correct.shape[1]
    differing = np.round(total * disagreement[pairs]).astype(int)
    mean, near = differing.mean(), p <= LEVEL
    large = (
        f"no two runs differ on far fewer of the {total:,} examples than the others: the closest on "
        f"{differing.min():,}, two runs on {number(mean, mean)} on average"
    )
    if mean < FEW * np.count_nonzero(~correct) / len(runs):
        large += ", so few that the seed may do almost nothing in any run, which no comparison of these runs can show"
    closest = sorted(zip(differing[near], *(places[near] for places in pairs), strict=True))
    named = several([f"{count:,} for {name(runs, first)} and {name(runs, second)}" for count, first, second in closest])
    others = differing[~near].mean()
    small = (
        f"nearly the same run is there twice, or the seed does almost nothing: two runs differ on "
        f"{number(others, others)} of the {total:,} examples on average, but these on far fewer: {named}"
    )
    return Tested("near", float(p.min()), small, large)


def _ties(runs: Runs) -> Tested:
    """Test whether rounded results are equal too often."""
    grid = 0.0 if runs.examples else step(runs.values, is_share(runs.metric))
    p = p_ties(runs.values, grid, np.random.default_rng(0)) if grid else math.nan
    sharing = sum(map(len, groups_of_equals(runs.values)))
    what = f"{sharing} of {len(runs)} runs share their {terminal(runs.metric)} with another run"
    return Tested(
        "ties", p, f"{what}, more than its steps of {grid:.2g} explain", f"{what}, no more than its rounding explains"
    )


def _trend(runs: Runs) -> Tested:
    """Test whether the results rise or fall in the order of the runs."""
    found = trend_in_order(runs.values)
    p = min(found.p_rising, found.p_falling) if np.ptp(runs.values) else math.nan
    way, metric = "rises" if found.tau > 0 else "falls", terminal(runs.metric)
    return Tested(
        "trend",
        p,
        f"the {metric} {way} in the order of the runs",
        f"the {metric} has no trend in the order of the runs",
        f"Kendall's tau {number(found.tau, 0.1, sign=True)}",
    )


def _neighbours(runs: Runs, disagreement: Array | None) -> Tested:
    """Test whether runs next to each other are alike: in the examples on which they differ or else in their results."""
    values = runs.values[:MOST]
    apart = (values[:, None] - values) ** 2 if disagreement is None else disagreement[:MOST, :MOST]
    p = p_neighbours(apart) if apart.any() else math.nan
    small, large = (f"runs next to each other are {more} alike than others" for more in ("more", "no more"))
    return Tested("neighbours", p, small, large)
