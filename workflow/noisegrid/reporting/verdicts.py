"""A verdict on one of the paper's claims, and its words."""

from dataclasses import dataclass

import numpy as np

MIN_REPLICATES = 5
REPRODUCED, NOT_REPRODUCED, INSIDE_NULL = "reproduced", "not reproduced", "inside the null"
NOT_DECIDED, NOT_MEASURED = "not decided", "not measured here"


@dataclass(frozen=True)
class Verdict:
    """One claim in one context. low and high: 95 % interval of the effect, or the null's range for C4 and C5."""

    claim: str
    context: str
    verdict: str
    effect: float = np.nan
    low: float = np.nan
    high: float = np.nan
    n: int = 0
