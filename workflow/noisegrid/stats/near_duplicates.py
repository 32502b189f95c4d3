"""Whether two runs predict nearly the same, compared with the other pairs of runs."""

import numpy as np
from scipy import special

Array = np.ndarray
#: Independent runs may differ on as little as this share of the expected number of examples, because their seeds do not
#: change all of them to the same extent.
LEAST = 0.25


def p_near_duplicates(correct: Array, predicted: Array, differing: Array) -> Array:
    """Return, for each two runs, the p-value of the statement that they differ on too few examples.

    The examples on which all pairs differ are shared out among the pairs in proportion to how often right and wrong
    would differ by chance, given the accuracies of both runs. Two good runs among bad ones are therefore expected to
    differ on few examples. So are two runs that failed and predict little but one class. Whether a pair differs on less
    than LEAST times the expected number is tested with the Poisson distribution, whose lower tail is heavier than that
    of a count over independent examples.

    Runs are compared with each other alone: if all are nearly the same, none differs from the others in this.

    Parameters
    ----------
    correct : bool (runs, examples)
        Whether each prediction is correct.
    predicted : (runs, examples)
        The predicted classes as indices. If they are unknown, `correct`.
    differing : (runs, runs)
        The share of examples whose predicted class differs.

    Returns
    -------
    (runs, runs)
        The p-values, multiplied by the number of pairs, and 1 on the diagonal.
    """
    n, examples = correct.shape
    pairs = n * (n - 1) / 2
    right = correct.mean(axis=1)
    by_chance = right[:, None] * (1 - right) + (1 - right[:, None]) * right
    np.fill_diagonal(by_chance, 0)
    hits = correct.sum(axis=0)
    expected = by_chance * (hits * (n - hits)).sum() / max(by_chance.sum() / 2, np.finfo(float).tiny)
    commonest = np.array([np.bincount(row).max() for row in predicted]) / examples
    expected = np.minimum(expected, examples * (1 - np.outer(commonest, commonest)))
    p: Array = np.minimum(1.0, pairs * special.pdtr(np.round(differing * examples), LEAST * expected))
    np.fill_diagonal(p, 1)
    return p
