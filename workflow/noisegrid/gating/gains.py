"""The gains that are worth planning for, in the unit of a metric."""

from collections.abc import Sequence
from typing import NamedTuple

from noisegrid.gating.points import percentage_point
from noisegrid.reading.runs import Runs

#: The usual gains: in percentage points or, if the metric is not a share, in percent of its mean.
USUAL = (0.1, 0.3, 1.0)


class Named(NamedTuple):
    """A gain in the unit of the metric, and how it is called."""

    gain: float
    name: str


def usual_gains(runs: Runs) -> list[Named]:
    """Return the usual gains of a metric: 0.1, 0.3 and 1 percentage points, or the same percentages of the mean.

    Metrics that are no share and whose mean is 0 have no usual gains.
    """
    if (point := percentage_point(runs)) is not None:
        return [Named(gain * point, _points(gain)) for gain in USUAL]
    mean = abs(float(runs.values.mean()))
    return [Named(gain * mean / 100, f"{gain * mean / 100:.2g} ({gain:g} % of the mean)") for gain in USUAL if mean]


def named_gains(runs: Runs, gains: Sequence[float]) -> list[Named]:
    """Return gains that are given in the unit of the metric."""
    return [Named(gain, _points(gain) if runs.unit else f"{gain:g}") for gain in gains]


def _points(gain: float) -> str:
    return f"{gain:g} percentage point{'' if gain == 1 else 's'}"
