"""Percentage points in the unit of a metric, whose results may be fractions or percentages."""

from noisegrid.gating.metric import is_share
from noisegrid.reading.runs import Runs


def percentage_point(*sides: Runs) -> float | None:
    """Return what one percentage point is in the unit of the results; None if the metric is not a share.

    A metric is a share if it counts correct predictions, or if its name says so. The results are fractions if none is
    above 1, and percentages otherwise.
    """
    if any(runs.unit for runs in sides):
        return 1.0
    least, most = min(runs.values.min() for runs in sides), max(runs.values.max() for runs in sides)
    if not is_share(sides[0].metric) or least < 0 or most > 100:
        return None
    return 1.0 if most > 1 else 0.01
