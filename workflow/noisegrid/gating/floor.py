"""The noise floor of runs: how much they differ, what they can show, and whether they look independent."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from noisegrid.common.errors import NoisegridError
from noisegrid.gating import floor_sentences
from noisegrid.gating.checks import FEWEST, check_numbers
from noisegrid.gating.example_spread import ExampleSpread, disagreement, spread_of_examples
from noisegrid.gating.gains import Named, named_gains, usual_gains
from noisegrid.gating.independence import INDEPENDENT, SUSPICIOUS, UNDECIDED, Finding, findings
from noisegrid.reading.runs import Read, Runs
from noisegrid.stats import intervals
from noisegrid.stats.intervals import Estimate, outlier
from noisegrid.stats.power import replicates_needed, significant_difference


@dataclass(frozen=True)
class Needed:
    """The number of runs that detect a gain.

    Attributes
    ----------
    gain : float
        The gain, in the unit of the metric.
    name : str
        How it is called, such as "0.1 percentage points".
    runs, low, high : int or None
        The runs needed per side for a power of 80 %, and the range that follows from the interval of the standard
        deviation. They are at least the three runs that a verdict needs. None stands for more than 100,000.
    """

    gain: float
    name: str
    runs: int | None
    low: int | None
    high: int | None


@dataclass(frozen=True)
class Floor:
    """The noise floor of runs. `print` shows it as one sentence.

    Attributes
    ----------
    metric, unit : str
        The name of the metric, and the unit of differences (empty if it is that of the metric).
    values, names, seeds : tuple
        The result, the name and, if it is known, the seed of each run.
    mean, std : Estimate
        The mean and the standard deviation of the runs, with 95 % intervals.
    smallest : float
        With as many runs per side, an observed difference below this one cannot be told from noise at 95 %.
    needed : tuple of Needed
        The runs needed for gains that matter. Empty if there are fewer than five runs, or if all are equal.
    outlier : int or None
        The index of the run that lies apart from all others.
    findings : tuple of Finding
        What speaks for or against the independence of the runs.
    examples : ExampleSpread or None
        What the results of each example show.
    read : tuple of Read
        What was read.
    """

    metric: str
    unit: str
    values: tuple[float, ...]
    names: tuple[str, ...]
    seeds: tuple[str, ...] | None
    mean: Estimate
    std: Estimate
    smallest: float
    needed: tuple[Needed, ...]
    outlier: int | None
    findings: tuple[Finding, ...]
    examples: ExampleSpread | None = None
    read: tuple[Read, ...] = ()

    @property
    def suspicious(self) -> bool:
        """Return whether anything speaks against the independence of the runs."""
        return any(finding.suspicious for finding in self.findings)

    @property
    def verdict(self) -> str:
        """Return INDEPENDENT, SUSPICIOUS or, if that cannot be told from these runs, UNDECIDED."""
        if self.suspicious:
            return SUSPICIOUS
        untested = len(self.values) < intervals.FEWEST or any(finding.undecided for finding in self.findings)
        return UNDECIDED if untested else INDEPENDENT

    @property
    def exit_code(self) -> int:
        """Return the exit code of `noisegrid floor`: 4 if the runs do not look independent, otherwise 0."""
        return 4 if self.suspicious else 0

    def __str__(self) -> str:
        """Return the floor as one sentence."""
        return floor_sentences.sentence(self)


def floor_of(runs: Runs, gains: Sequence[float] | None = None) -> Floor:
    """Return the noise floor of runs.

    Parameters
    ----------
    runs : Runs
        The runs, in the order in which they were made, if it is known.
    gains : sequence of float, optional
        The gains to plan for, in the unit of the metric; by default, 0.1, 0.3 and 1 percentage points (see
        `usual_gains`).

    Raises
    ------
    CannotJudge
        If there are fewer than three runs, or if a result is not finite.
    NoisegridError
        If a gain is not a positive number.
    """
    check_numbers(runs, "the sample", "the runs that failed", f"a spread needs at least {FEWEST}")
    if bad := [gain for gain in gains or () if not 0 < gain < np.inf]:
        raise NoisegridError(f"the gain {bad[0]:g} is not a positive number; give gains in the unit of the metric")
    n, std = len(runs), intervals.std(runs.values)
    named = usual_gains(runs) if gains is None else named_gains(runs, gains)
    differing = None if runs.examples is None else disagreement(runs.examples)
    return Floor(
        metric=runs.metric,
        unit=runs.unit,
        values=tuple(map(float, runs.values)),
        names=runs.names,
        seeds=runs.seeds,
        mean=intervals.mean(runs.values),
        std=std,
        smallest=significant_difference(std.value, n, n - 1),
        needed=tuple(_needed(gain, std) for gain in named) if n >= intervals.FEWEST and std.value > 0 else (),
        outlier=outlier(runs.values),
        findings=findings(runs, differing),
        examples=None if runs.examples is None else spread_of_examples(runs.examples, differing),
        read=runs.read,
    )


def _needed(named: Named, std: Estimate) -> Needed:
    counts = (replicates_needed(deviation, named.gain) for deviation in (std.value, std.low, std.high))
    return Needed(named.gain, named.name, *(count and max(FEWEST, count) for count in counts))
