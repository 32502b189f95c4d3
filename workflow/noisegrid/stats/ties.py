"""Whether results are equal more often than their rounding explains."""

import math

import numpy as np

Array = np.ndarray
DRAWS = 2000
#: The width of a cell in which a distribution is about flat: this share of its spread, divided by the cube root of the
#: number of values, as for the cells of a histogram.
FLAT = 0.5
#: The interquartile range of the normal distribution with a standard deviation of 1.
QUARTILES = 1.349


def p_ties(values: Array, step: float, rng: np.random.Generator) -> float:
    """Return the p-value of the statement that too many independent values are equal, given that all lie on a grid.

    The grid is divided into cells of several steps. If the distribution of the values is smooth, it is about flat in a
    cell. Each value is therefore moved to a random point of its cell, many times, and the pairs of equal values are
    counted. No other shape of the distribution is assumed, so that outliers do no harm.

    Parameters
    ----------
    values : (values,)
        The values.
    step : float
        The step of the grid.
    rng : Generator
        Source of the random numbers.

    Returns
    -------
    float
        The p-value. NaN if the grid is so coarse, compared with the spread of the values, that nothing can be said.
    """
    places = np.round((values - values.min()) / step)
    width = 1 + int(FLAT * _spread(places) / np.cbrt(len(places)))
    if width < 2:
        return math.nan
    cells = (places + rng.integers(width)) // width
    moved = cells * width + rng.integers(width, size=(DRAWS, len(places)))
    pairs = _equal_pairs(np.vstack([places, moved]))
    return float(np.mean(pairs >= pairs[0]))  # what was observed is one of the draws


def _equal_pairs(rows: Array) -> Array:
    """Return the number of pairs of equal values in each row."""
    ordered = np.sort(rows, axis=1)
    differs = np.diff(ordered, axis=1, prepend=ordered[:, :1] - 1) != 0
    first = np.flatnonzero(differs)  # where each group of equal values begins
    sizes = np.diff(first, append=differs.size)
    return np.bincount(first // rows.shape[1], sizes * (sizes - 1) / 2, minlength=len(rows))


def _spread(places: Array) -> float:
    """Return the standard deviation, or a smaller value if some places lie far from the others.

    If half of the places are equal, the two nearest of the different places tell what the spread is. With only two
    different places, nothing is known: one of them may be a run that failed.
    """
    quartiles = float(np.subtract(*np.percentile(places, [75, 25]))) / QUARTILES
    if quartiles > 0:
        return min(float(places.std(ddof=1)), quartiles)
    distances = np.diff(np.unique(places))
    return float(distances.min()) if len(distances) > 1 else 0.0
