"""What is asked about two sides, and the bounds in the unit of their results."""

from dataclasses import dataclass, replace

import numpy as np

from noisegrid.common.errors import UsageError
from noisegrid.common.escape import terminal
from noisegrid.gating.points import percentage_point
from noisegrid.reading.runs import CannotJudge, Runs
from noisegrid.stats.intervals import CONFIDENCE

#: A bound of this size is rather meant to be in percentage points if the results are fractions.
LARGE = 0.1


@dataclass(frozen=True)
class Question:
    """What is asked about two sides.

    Attributes
    ----------
    confidence : float
        The confidence of the verdict and of all intervals, before the correction for several tries.
    at_least : float
        The smallest gain that matters, in the unit of the metric. 0 asks for any gain.
    within : float or None
        The largest difference that does not matter, in the unit of the metric. At 0, nothing is called equivalent. By
        default, it is `at_least`.
    points : bool
        Whether `at_least` and `within` are percentage points, also if the results are fractions.
    lower_is_better : bool or None
        Whether a lower value is better; None to conclude this from the name of the metric.
    unpaired : bool
        Whether to ignore which runs have the same seed.
    tried : int
        The number of variants that were tried, of which the new runs are the best one.
    allow_identical : bool
        Whether to judge runs although two of them are identical.

    Raises
    ------
    UsageError
        If a value is not possible.
    """

    confidence: float = CONFIDENCE
    at_least: float = 0.0
    within: float | None = None
    points: bool = False
    lower_is_better: bool | None = None
    unpaired: bool = False
    tried: int = 1
    allow_identical: bool = False

    def __post_init__(self) -> None:
        """Check the values."""
        if not 0.5 < self.confidence < 1:
            raise UsageError(f"the confidence {self.confidence:g} is not between 0.5 and 1; a usual one is 0.95")
        for name, bound in (("at least", self.at_least), ("within", self.within)):
            if bound is not None and not 0 <= bound < np.inf:
                raise UsageError(f"the bound {bound:g} ({name}) is not 0 or a positive number")
        if self.tried < 1:
            raise UsageError(f"tried is {self.tried}; it is the number of variants that were tried, at least 1")

    @property
    def margin(self) -> float:
        """Return the largest difference that does not matter."""
        return self.at_least if self.within is None else self.within

    def about(self, base: Runs, new: Runs) -> "Question":
        """Return the same question in the unit of the results.

        Raises
        ------
        CannotJudge
            If a bound is in percentage points, but the metric is not a share, or if it seems to be in percentage points
            although the results are fractions.
        """
        point, largest = percentage_point(base, new), max(self.at_least, self.margin)
        if self.points and point is None:
            raise CannotJudge(f"the {terminal(new.metric)} is not a share of something, so it has no percentage points")
        if self.points and point:
            return replace(self, at_least=self.at_least * point, within=self.margin * point, points=False)
        if point == 0.01 and largest >= LARGE:
            raise CannotJudge(
                f"the results are fractions, in which {largest:g} is {100 * largest:g} percentage points; if you mean "
                f"{largest:g} percentage points, add --points or write {largest / 100:g}; otherwise, add --points and "
                f"write {100 * largest:g}"
            )
        return replace(self, within=self.margin)
