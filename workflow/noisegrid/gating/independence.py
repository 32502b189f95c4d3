"""Whether runs look independent, or whether a seed does nothing, runs are there twice, or their order matters."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from noisegrid.gating.checks import groups_of_equals, groups_of_identical, results, shown
from noisegrid.gating.matching import take
from noisegrid.gating.rounding import step
from noisegrid.gating.sentences import number
from noisegrid.reading.runs import Runs
from noisegrid.stats.hypotheses import holm
from noisegrid.stats.intervals import FEWEST
from noisegrid.stats.ties import p_ties
from noisegrid.stats.trend import p_neighbours, trend_in_order

Array = np.ndarray
Groups = Sequence[tuple[int, ...]]
#: The probability that any test of independent runs calls them suspicious.
LEVEL = 0.05
#: Runs whose predictions differ on fewer examples, on average, may have the same predictions by chance.
DIFFERING = 10
#: The largest number of runs whose neighbours are compared.
MOST = 2000


@dataclass(frozen=True)
class Finding:
    """What speaks for or against the independence of runs.

    Attributes
    ----------
    about : str
        What was looked at: `identical` runs, `repeated` runs, shared `seeds`, `ties` of rounded results, a `trend`, or
        `neighbours`.
    suspicious : bool
        Whether it speaks against independence.
    sentence : str
        What was found, as a clause without a full stop.
    p : float or None
        The p-value, corrected for the number of tests by Holm's method; None where there is no test.
    """

    about: str
    suspicious: bool
    sentence: str
    p: float | None = None


def findings(runs: Runs, disagreement: Array | None = None) -> tuple[Finding, ...]:
    """Look for signs that runs are not independent.

    Parameters
    ----------
    runs : Runs
        The runs, in the order in which they were made, if it is known.
    disagreement : (runs, runs), optional
        The share of examples on which each two runs differ.
    """
    repeated = groups_of_equals(zip(runs.seeds, results(runs), strict=True)) if runs.seeds else []
    found = [*_repeated(runs, repeated), *_shared_seeds(runs), *_identical(runs, disagreement)]
    again = {place for group in repeated for place in group[1:]}
    once = [place for place in range(len(runs)) if place not in again]
    tested = _tests(take(runs, once), None if disagreement is None else disagreement[np.ix_(once, once)])
    return (*found, *tested)


def _repeated(runs: Runs, groups: Groups) -> Iterator[Finding]:
    """Yield a finding if runs have the same seed and the same result."""
    if groups:
        what = "the same seed and the same result occur more than once"
        yield Finding("repeated", True, f"{what}: {_equal(runs, groups)}; keep one of each")


def _shared_seeds(runs: Runs) -> Iterator[Finding]:
    """Yield a finding if runs have the same seed, but different results."""
    seeds, known = runs.seeds or (), results(runs)
    groups = [group for group in groups_of_equals(seeds) if len({known[place] for place in group}) > 1]
    if groups:
        which = _several([f"{shown(seeds[group[0]])} ({_several(_names(runs, group))})" for group in groups])
        what = "runs with different results have the same seed"
        yield Finding("seeds", True, f"{what}: {which}; they lack the noise between seeds")


def _identical(runs: Runs, disagreement: Array | None) -> Iterator[Finding]:
    """Yield a finding if runs have the same results, although their seeds differ or are unknown."""
    seeds = runs.seeds or tuple(map(str, range(len(runs))))
    groups = [group for group in groups_of_identical(runs) if len({seeds[place] for place in group}) > 1]
    what = "the same result for every example" if runs.examples else f"the same {shown(runs.metric)}"
    why = "although their seeds differ; the seed may do nothing"
    if not runs.seeds:
        why = "so that the same run is there twice, or the seed does nothing"
    if groups:
        differing = _differing(runs, disagreement)
        if differing < DIFFERING:
            why = f"which may be chance, because different runs differ on only {differing:.2g} examples"
        count = sum(map(len, groups))
        text = f"{count} runs have {what} as another run ({_equal(runs, groups)}), {why}"
        yield Finding("identical", differing >= DIFFERING, text)
    elif runs.examples is None and len(set(seeds)) > 1 and np.ptp(runs.values) == 0:
        yield Finding("identical", True, f"all runs have {what}, {runs.values[0]:g}, {why}")


def _differing(runs: Runs, disagreement: Array | None) -> float:
    """Return on how many examples two runs that are not identical differ on average; infinity if it is unknown."""
    if disagreement is None or runs.examples is None or not disagreement.any():
        return math.inf
    return float(disagreement[disagreement > 0].mean()) * runs.examples.scores.shape[1]


class _Test(NamedTuple):
    """A test: what it is about, its p-value (NaN if it was not made), and what it says if p is small or large."""

    about: str
    p: float
    small: str
    large: str


def _tests(runs: Runs, disagreement: Array | None) -> Iterator[Finding]:
    """Yield what each test finds."""
    if len(runs) < FEWEST:
        return
    made = [test for test in (_ties(runs), _trend(runs), _neighbours(runs, disagreement)) if not math.isnan(test.p)]
    for test, p in zip(made, map(float, holm(np.array([test.p for test in made]))), strict=True):
        suspicious = p <= LEVEL
        yield Finding(test.about, suspicious, f"{test.small if suspicious else test.large} (p = {p:.2g})", p)


def _ties(runs: Runs) -> _Test:
    """Test whether rounded results are equal too often."""
    grid = 0.0 if runs.examples else step(runs.values)
    p = p_ties(runs.values, grid, np.random.default_rng(0)) if grid else math.nan
    sharing = sum(map(len, groups_of_equals(runs.values)))
    what = f"{sharing} of {len(runs)} runs share their {shown(runs.metric)} with another run"
    return _Test(
        "ties", p, f"{what}, more than its steps of {grid:.2g} explain", f"{what}, no more than its rounding explains"
    )


def _trend(runs: Runs) -> _Test:
    """Test whether the results rise or fall in the order of the runs."""
    found = trend_in_order(runs.values)
    p = min(found.p_rising, found.p_falling) if np.ptp(runs.values) else math.nan
    way, tau = "rises" if found.tau > 0 else "falls", number(found.tau, 0.1, sign=True)
    where = f"in the order of the runs, Kendall's tau {tau}"
    return _Test(
        "trend", p, f"the {shown(runs.metric)} {way} {where}", f"the {shown(runs.metric)} has no trend {where}"
    )


def _neighbours(runs: Runs, disagreement: Array | None) -> _Test:
    """Test whether runs next to each other are alike: in the examples on which they differ or else in their results."""
    values = runs.values[:MOST]
    apart = (values[:, None] - values) ** 2 if disagreement is None else disagreement[:MOST, :MOST]
    p = p_neighbours(apart) if apart.any() else math.nan
    small, large = (f"runs next to each other are {more} alike than others" for more in ("more", "no more"))
    return _Test("neighbours", p, small, large)


def _equal(runs: Runs, groups: Groups) -> str:
    """Return groups of runs with equal signs between them."""
    return _several([" = ".join(_names(runs, group)) for group in groups])


def _names(runs: Runs, group: tuple[int, ...]) -> list[str]:
    return [shown(runs.names[place]) for place in group]


def _several(texts: list[str], most: int = 3) -> str:
    """Return texts with commas between them; of many, only the first ones."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return f"{', '.join(texts[:most])}{more}"
