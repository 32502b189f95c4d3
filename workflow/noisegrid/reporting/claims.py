"""Test the paper's claims on the metrics of a study. Each verdict has an effect, its interval and the sample size n.

A verdict covers one context, usually a task on one kind of hardware, because a claim may hold in some contexts and not
in others. The possible verdicts are:

    reproduced         what the claim says is a fact here (C1, C9, C11), or is shown by a test at 5 %
    not reproduced     the opposite is shown by a test at 5 %: an effect in the other direction, or one that is smaller
                       than the claim's margin
    inside the null    independent errors on the same test examples would explain the effect (C4, C5)
    not decided        neither is shown, or there are fewer than five replicates (C1, C9 and C11 are facts: one pair of
                       replicates with unequal weights is proof)
    undefined          the effect or its null cannot be computed; the note says why
    not measured here  the study has no cells to test the claim on, or the paper has no number to compare with

The tests of C1 to C11 use metrics.csv and are in `claims_noise`; the tests of C12 to C16 use overhead.csv and are in
`claims_overhead`.
workflow/catalog/claims.yaml and docs/claims.md describe all tests.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

import pandas as pd

from noisegrid.common.schemas import catalog
from noisegrid.reporting import claims_noise, claims_overhead
from noisegrid.reporting.claims_noise import Measured
from noisegrid.reporting.verdicts import NOT_MEASURED, Verdict, adjust, not_from_few

#: The test of each claim about noise.
TESTS: dict[str, Callable[[Measured], Iterator[Verdict]]] = {
    "C1": claims_noise.claim_1,
    "C2": claims_noise.claim_2,
    "C3": claims_noise.claim_3,
    "C4": claims_noise.claim_4,
    "C5": claims_noise.claim_5,
    "C6": claims_noise.claim_6,
    "C7": claims_noise.claim_7,
    "C8": claims_noise.claim_8,
    "C9": claims_noise.claim_9,
    "C10": claims_noise.claim_10,
    "C11": claims_noise.claim_11,
}


def judge(
    frame: pd.DataFrame, overhead: pd.DataFrame | None = None, claims: Collection[str] | None = None
) -> list[Verdict]:
    """Judge every claim in every context (usually a task on one kind of hardware) in which it was measured.

    Parameters
    ----------
    frame : pandas.DataFrame
        The contents of metrics.csv.
    overhead : pandas.DataFrame, optional
        The contents of overhead.csv, if the study times networks. C12 to C16 cannot be tested without it.
    claims : collection of str, optional
        Labels of the claims to judge. By default, all.

    Returns
    -------
    list of Verdict
        The verdicts, in the order of the claims. Every claim has at least one verdict, which is `not measured here` if
        the study cannot test the claim in any context.
    """
    measured, verdicts = Measured(frame), list[Verdict]()
    for claim in catalog("claims") if claims is None else claims:
        found = list(TESTS[claim](measured)) if claim in TESTS else []
        if overhead is not None and claim in claims_overhead.TESTS:
            found = list(claims_overhead.TESTS[claim](overhead))
        found = adjust([not_from_few(verdict) for verdict in found] or [Verdict(claim, "", NOT_MEASURED)])
        verdicts += [replace(verdict, claim=claim) for verdict in found]
    return verdicts
