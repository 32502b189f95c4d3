"""The class Verdict, and the possible values of its field `verdict`."""

from dataclasses import dataclass

import numpy as np

MIN_REPLICATES = 5
REPRODUCED, NOT_REPRODUCED, INSIDE_NULL = "reproduced", "not reproduced", "inside the null"
NOT_DECIDED, NOT_MEASURED = "not decided", "not measured here"


@dataclass(frozen=True)
class Verdict:
    """The verdict on one claim in one context.

    Attributes
    ----------
    claim : str
        Label of the claim, C1 to C16.
    context : str
        Where the claim was tested: usually a task on one kind of hardware.
    verdict : str
        One of the words defined in this module, e.g. `reproduced`.
    effect : float
        The effect, as catalog/claims.yaml defines it for the claim.
    low, high : float
        The 95 % interval of the effect or, for C4 and C5, the 95 % range of the null. NaN if there is no interval.
    n : int
        The number of replicates or, for C12 to C16, the number of blocks.
    proven : bool
        Whether the verdict is a fact and no estimate, so that it holds for any number of replicates.
    p : float
        The p-value of the test that led to the verdict; NaN if there is none.
    note : str
        What a reader must know about the verdict, such as why it is undefined, or which n could decide it.
    """

    claim: str
    context: str
    verdict: str
    effect: float = np.nan
    low: float = np.nan
    high: float = np.nan
    n: int = 0
    proven: bool = False
    p: float = np.nan
    note: str = ""
