"""Whether runs look independent, or whether a seed does nothing, runs are there twice, or their order matters."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from noisegrid.common.escape import terminal
from noisegrid.gating.checks import groups_of_equals, groups_of_identical, results
from noisegrid.gating.independence_tests import LEVEL, tests_of
from noisegrid.gating.matching import take
from noisegrid.gating.naming import RUNS, name, several
from noisegrid.reading.runs import Runs
from noisegrid.stats.hypotheses import holm
from noisegrid.stats.intervals import FEWEST

Array = np.ndarray
Groups = Sequence[tuple[int, ...]]
#: What runs look like.
INDEPENDENT, SUSPICIOUS, UNDECIDED = "independent", "suspicious", "undecided"
#: Runs whose predictions differ on fewer examples, on average, may have the same predictions by chance.
DIFFERING = 10
#: Smaller p-values are not told apart.
SMALL = 0.0001


@dataclass(frozen=True)
class Finding:
    """What speaks for or against the independence of runs.

    Attributes
    ----------
    about : str
        What was looked at: `identical` runs, `repeated` runs, shared `seeds`, pairs that are `near` each other, `ties`
        of rounded results, a `trend`, or `neighbours`.
    suspicious : bool
        Whether it speaks against independence.
    sentence : str
        What was found, as a clause without a full stop.
    p : float or None
        The p-value, corrected for the number of tests by Holm's method; None where there is no test.
    undecided : bool
        Whether it says that something cannot be tested.
    """

    about: str
    suspicious: bool
    sentence: str
    p: float | None = None
    undecided: bool = False


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
    left = take(runs, once)
    tested = list(_tested(left, None if disagreement is None else disagreement[np.ix_(once, once)]))
    return (*found, *tested, *_untested(left, [*found, *tested]))


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
        which = several([f"{terminal(seeds[group[0]])} ({_names(runs, group)})" for group in groups])
        remedy = "they lack the noise between seeds; if they are of several methods, choose one: --where COLUMN=VALUE"
        yield Finding("seeds", True, f"runs with different results have the same seed: {which}; {remedy}")


def _identical(runs: Runs, disagreement: Array | None) -> Iterator[Finding]:
    """Yield a finding if runs have the same results, although their seeds differ or are unknown."""
    seeds = runs.seeds or tuple(map(str, range(len(runs))))
    groups = [group for group in groups_of_identical(runs) if len({seeds[place] for place in group}) > 1]
    what = "the same result for every example" if runs.examples else f"the same {terminal(runs.metric)}"
    why = "although their seeds differ; the seed may do nothing"
    if not runs.seeds:
        why = "so that the same run is there more than once, or the seed does nothing"
    everywhere = len(groups[0]) == len(runs) if groups else _without_spread(runs) and len(set(seeds)) > 1
    if everywhere:
        yield Finding("identical", True, f"all {len(runs)} runs have {what}, {why}")
    elif groups:
        differing = _differing(runs, disagreement)
        if differing < DIFFERING:
            why = f"which may be chance, because different runs differ on only {differing:.2g} examples"
        count = sum(map(len, groups))
        text = f"{count} runs have {what} as another run ({_equal(runs, groups)}), {why}"
        yield Finding("identical", differing >= DIFFERING, text)


def _untested(runs: Runs, found: Sequence[Finding]) -> Iterator[Finding]:
    """Yield a finding if there are so few different results that nothing says whether a seed does something."""
    few = runs.examples is None and len(np.unique(runs.values)) == 2 and len(runs) >= FEWEST
    if few and not {"ties", "identical"} & {finding.about for finding in found}:
        what = f"{len(runs)} runs have only 2 different results"
        yield Finding(
            "ties", False, f"{what}, too few to tell whether the seed does anything; give more decimals", undecided=True
        )


def _without_spread(runs: Runs) -> bool:
    """Return whether all runs have the same number, and nothing else is known of them."""
    return runs.examples is None and np.ptp(runs.values) == 0


def _differing(runs: Runs, disagreement: Array | None) -> float:
    """Return on how many examples two runs that are not identical differ on average; infinity if it is unknown."""
    if disagreement is None or runs.examples is None or not disagreement.any():
        return math.inf
    return float(disagreement[disagreement > 0].mean()) * runs.examples.scores.shape[1]


def _tested(runs: Runs, disagreement: Array | None) -> Iterator[Finding]:
    """Yield what each test finds. The probability that any of them errs is at most LEVEL."""
    made = tests_of(runs, disagreement)
    for test, p in zip(made, map(float, holm(np.array([test.p for test in made]))), strict=True):
        suspicious = p <= LEVEL
        what, measured = test.small if suspicious else test.large, f"{test.measure}; " if test.measure else ""
        yield Finding(test.about, suspicious, f"{what} ({measured}{_p_value(test.p, p, len(made))})", p)


def _p_value(p: float, corrected: float, count: int) -> str:
    """Return a p-value, and what it is if it is corrected for the number of tests."""
    if count == 1 or corrected < SMALL:
        return f"p {_value(p)}"
    return f"p {_value(p)}, or {_value(corrected).removeprefix('= ')} corrected for {count} tests"


def _value(p: float) -> str:
    return f"= {p:.2g}" if p >= SMALL else f"< {SMALL:g}"


def _names(runs: Runs, group: tuple[int, ...]) -> str:
    return several([terminal(runs.names[place]) for place in group], RUNS)


def _equal(runs: Runs, groups: Groups) -> str:
    """Return groups of runs with equal signs between them."""
    return several([several([name(runs, place) for place in group], RUNS, " = ") for group in groups])
