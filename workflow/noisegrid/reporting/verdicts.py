"""The class Verdict, the possible values of its field `verdict`, and how p-values lead to them."""

import math
from dataclasses import dataclass, replace

import numpy as np

from noisegrid import stats
from noisegrid.common.notes import join_notes

ALPHA = 0.05
REPRODUCED, NOT_REPRODUCED, INSIDE_NULL = "reproduced", "not reproduced", "inside the null"
NOT_DECIDED, UNDEFINED, NOT_MEASURED = "not decided", "undefined", "not measured here"


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
        The number of replicates or, for C12 to C16, the number of processes.
    proven : bool
        Whether the verdict is a fact and no estimate, so that it holds for any number of replicates.
    p_for, p_against : float
        The p-values of the verdicts `reproduced` and `not reproduced`; NaN without a test, as for facts.
    note : str
        What a reader must know about the verdict, such as why it is undefined, or which n could decide it.
    adjusted : str
        The verdict after Holm's correction over the contexts of the claim. `adjust` fills it in.
    """

    claim: str
    context: str
    verdict: str
    effect: float = np.nan
    low: float = np.nan
    high: float = np.nan
    n: int = 0
    proven: bool = False
    p_for: float = np.nan
    p_against: float = np.nan
    note: str = ""
    adjusted: str = ""

    @property
    def p(self) -> float:
        """The p-value of the verdict; where nothing is decided, the smaller of both p-values."""
        of_verdict = {REPRODUCED: self.p_for, NOT_REPRODUCED: self.p_against}
        return of_verdict.get(self.verdict, float(np.fmin(self.p_for, self.p_against)))


def decide(p_for: float, p_against: float, undecided: str = NOT_DECIDED) -> str:
    """Return the verdict to which the p-values of `reproduced` and `not reproduced` lead.

    Both can be small: an effect that is shown to exist, and shown to be smaller than the margin of the claim. Such an
    effect counts as none.

    Parameters
    ----------
    p_for, p_against : float
        The p-values. NaN if a verdict has no test.
    undecided : str
        The verdict if neither p-value is at most ALPHA.
    """
    if p_against <= ALPHA:
        return NOT_REPRODUCED
    return REPRODUCED if p_for <= ALPHA else undecided


def not_from_few(verdict: Verdict) -> Verdict:
    """Replace a verdict that rests on fewer than stats.FEWEST replicates by `not decided`, unless it is a fact."""
    if verdict.proven or verdict.verdict == NOT_MEASURED or verdict.n >= stats.FEWEST:
        return verdict
    note = join_notes(verdict.note, f"n is below {stats.FEWEST}")
    return replace(verdict, verdict=NOT_DECIDED, p_for=np.nan, p_against=np.nan, note=note)


def adjust(verdicts: list[Verdict]) -> list[Verdict]:
    """Fill in the adjusted verdicts, given the verdicts on one claim in all contexts.

    Holm's correction is applied to the p-values of `reproduced`, and separately to those of `not reproduced`. Each of
    the two words is therefore wrong in any context with a probability of at most ALPHA. The correction can only weaken
    a verdict. Verdicts without a p-value, such as facts, stay as they are.
    """
    adjusted = []
    families = {
        REPRODUCED: stats.holm(np.array([verdict.p_for for verdict in verdicts])),
        NOT_REPRODUCED: stats.holm(np.array([verdict.p_against for verdict in verdicts])),
    }
    for index, verdict in enumerate(verdicts):
        p = families[verdict.verdict][index] if verdict.verdict in families else math.nan
        adjusted.append(replace(verdict, adjusted=NOT_DECIDED if p > ALPHA else verdict.verdict))
    return adjusted
