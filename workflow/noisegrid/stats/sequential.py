"""The confidence of each of several looks, such that all looks together err no more often than a single one."""

from noisegrid.stats.intervals import CONFIDENCE


def level_at_look(look: int, confidence: float = CONFIDENCE, looks: int | None = None) -> float:
    """Return the confidence of one of several looks at results that grow or change.

    Let a single look err with a probability of at most a = 1 - `confidence`. If N looks are planned, each of them may
    err with probability a / N. If their number is unknown, look k may err with probability a / (k (k + 1)): a half of
    a at the first look, a sixth at the second, a twelfth at the third. The first k looks spend a k / (k + 1), so that
    all looks together never spend more than a. By Bonferroni's inequality, this bounds the probability that any look
    errs, whatever is looked at and however one look depends on the others: further runs of the same candidate, or
    another candidate at each look.

    The price is a wider interval. For normal results, its half-width is 2.24 standard errors at the first look, 3.14 at
    the fifth and 4.27 at the fiftieth, instead of 1.96. With 50 planned looks, it is 3.29 at each.

    Parameters
    ----------
    look : int
        The number of the look; the first is 1.
    confidence : float
        The confidence of all looks together.
    looks : int, optional
        The number of planned looks; by default, it is unknown.

    Raises
    ------
    ValueError
        If there is no such look.

    References
    ----------
    Dunn, Multiple comparisons among means, J. Am. Stat. Assoc. 56 (1961), for Bonferroni's inequality.
    Lan & DeMets, Discrete sequential boundaries for clinical trials, Biometrika 70 (1983), for spending the probability
    of an error over looks.
    Foster & Stine, Alpha-investing: a procedure for sequential control of expected false discoveries, J. R. Stat. Soc.
    B 70 (2008), for spending it over hypotheses of which each depends on the results of those before it.
    """
    if look < 1 or (looks is not None and look > looks):
        raise ValueError(f"there is no look {look}{'' if looks is None else f' of {looks}'}")
    return 1 - (1 - confidence) / (look * (look + 1) if looks is None else looks)
