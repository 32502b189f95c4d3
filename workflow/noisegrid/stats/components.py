"""The components of variance of a crossed study: how much of the noise comes from each source, alone and combined.

In a crossed study, every level of each source (for example a seed of `init`) meets every level of all other sources,
once. The variance between runs is then the sum of one component for each source and for each interaction of sources.

A distance between runs stands for the outcome. For accuracy it is half the squared difference. For predictions it is
the share of images on which two runs differ, which is half the squared distance between their one-hot predictions,
averaged over images. The mean distance of two runs that share no level is then the variance, and equals the churn.

References
----------
Searle, Casella & McCulloch, Variance Components (1992), chapter 4: the balanced analysis of variance.
Anderson, Austral Ecology 26 (2001): the same sums of squares, computed from distances.
Saltelli et al., Comput. Phys. Commun. 181 (2010): the two shares of a source, also called Sobol indices.
Weerahandi, J. Am. Stat. Assoc. 88 (1993): generalised confidence intervals.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from noisegrid.stats.intervals import CONFIDENCE, Estimate

Array = np.ndarray
#: Indices of factors, in increasing order; a factor is a source whose levels are crossed with those of other sources.
Factors = tuple[int, ...]
#: The number of draws from which the ends of the intervals are computed.
DRAWS = 20_000


class Components(NamedTuple):
    """The components of the variance between the runs of a crossed study, with 95 % intervals.

    Attributes
    ----------
    variance : Estimate
        The variance between runs that share no level of any factor.
    own : dict of Estimate
        For each factor and each interaction, the share of the variance that is its component. For a single factor, it
        is the share that goes away, on average, if this factor is held. An estimate may be negative.
    alone : dict of Estimate
        For each factor, the sum of all shares in which it takes part. This share of the variance remains, on average,
        if all other factors are held.
    """

    variance: Estimate
    own: dict[Factors, Estimate]
    alone: dict[Factors, Estimate]


def components(distance: Array, levels: tuple[int, ...], rng: np.random.Generator, draws: int = DRAWS) -> Components:
    """Estimate the components of variance by the method of moments, with generalised confidence intervals.

    The mean squares are taken to be independent of each other. For a single number per run, each of them follows a
    scaled chi-square distribution; this is exact if the effects are normal. For predictions, a mean square adds up many
    images and is better determined, by an amount that depends on how the images move together. Two ways are
    considered, and both are estimated from the runs: many small common movements (Satterthwaite's chi-square with more
    degrees of freedom), and a single large one. The intervals cover under either; benchmarks/component_intervals.py
    has their coverage. A factor with two levels has a single contrast, which does not show how images move together,
    so it is treated like a single number, and its interval is wide.

    Parameters
    ----------
    distance : (runs, runs)
        The distance between every two runs, with a zero diagonal. The levels of the last factor change fastest.
    levels : tuple of int
        The number of levels of each factor, at least two each. Their product is the number of runs.
    rng : numpy.random.Generator
        Source of the random numbers for the intervals.
    draws : int
        The number of draws for the intervals.

    Raises
    ------
    ValueError
        If there are fewer than two levels of a factor, or if the number of runs is not the product of the levels.
    """
    design = Design(levels)
    if min(levels) < 2 or distance.shape != (design.runs, design.runs):
        raise ValueError(f"levels {levels} do not fit {len(distance)} runs")
    strata = [stratum(distance, design, factors) for factors in design.effects]
    means = np.array([each.mean_square for each in strata])
    drawn = np.stack([each.draw(rng, draws) for each in strata])

    def share(factors: Iterable[Factors]) -> Estimate:
        rows = [design.effects.index(each) for each in factors]
        with np.errstate(invalid="ignore", divide="ignore"):
            value, spread = (
                (design.inverse[rows] @ each).sum(axis=0) / (design.inverse @ each).sum(axis=0)
                for each in (means, drawn)
            )
        low, high = np.clip(_ends(spread), 0, 1)
        return Estimate(float(value), float(low), float(high))

    return Components(
        variance=Estimate(float((design.inverse @ means).sum()), *_ends((design.inverse @ drawn).sum(axis=0))),
        own={factors: share([factors]) for factors in design.effects},
        alone={(one,): share(each for each in design.effects if one in each) for one in range(len(levels))},
    )


@dataclass(frozen=True)
class Design:
    """A balanced crossed design with one run for each combination of levels.

    Attributes
    ----------
    levels : tuple of int
        The number of levels of each factor.
    """

    levels: tuple[int, ...]

    @property
    def runs(self) -> int:
        """The number of runs."""
        return int(np.prod(self.levels))

    @cached_property
    def effects(self) -> list[Factors]:
        """The factors, then the interactions of two factors, and so on."""
        factors = range(len(self.levels))
        return [each for size in range(1, len(self.levels) + 1) for each in itertools.combinations(factors, size)]

    @cached_property
    def inverse(self) -> Array:
        """The matrix (effects, effects) that turns expected mean squares into components.

        The expected mean square of an effect is the sum of the components of all effects that contain it, each times
        the number of runs that share its levels.
        """
        runs_per_level = [self.runs / np.prod([self.levels[one] for one in each]) for each in self.effects]
        contains = np.array([[set(small) <= set(large) for large in self.effects] for small in self.effects])
        inverse: Array = np.linalg.inv(contains * np.array(runs_per_level))
        return inverse

    def contrasts(self, factors: Factors) -> Array:
        """Return orthonormal contrasts of an effect, as an array of shape (degrees of freedom, runs)."""
        rows = np.ones((1, 1))
        for one, count in enumerate(self.levels):
            rows = np.kron(rows, _helmert(count) if one in factors else np.full((1, count), count**-0.5))
        return rows


class Stratum(NamedTuple):
    """What the runs say about one effect.

    Attributes
    ----------
    mean_square : float
        The mean square, in the unit of the distance.
    freedom : int
        Its degrees of freedom: the number of contrasts of the effect.
    images : float
        The effective number of independent images: one for a single number per run, infinite if the contrasts are as
        different as they can be.
    common : float
        The part of the sum of squares that a single common movement of all images would explain. For a single number
        per run, it is the whole sum of squares.
    """

    mean_square: float
    freedom: int
    images: float
    common: float

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """Draw expected mean squares that agree with the mean square, as an array of shape (count,).

        Half of the draws assume a single common movement and half of them many small ones. If a single movement
        explains more than half of the sum of squares, as many draws assume it as it explains.
        """
        if self.mean_square == 0:
            return np.zeros(count)
        explained = self.common / (self.mean_square * self.freedom)
        together = rng.random(count) < max(0.5, explained)
        return np.where(together, self._one_movement(rng, count), self._many_movements(rng, count))

    def _one_movement(self, rng: np.random.Generator, count: int) -> Array:
        """Draw as if the mean square were a constant plus the mean square of a single normal number."""
        return self.mean_square + self.common * (1 / rng.chisquare(self.freedom, count) - 1 / self.freedom)

    def _many_movements(self, rng: np.random.Generator, count: int) -> Array:
        """Draw with Satterthwaite's degrees of freedom, whose own uncertainty is drawn too."""
        differences = max(1, (self.freedom - 1) * (self.freedom + 2) // 2)
        images = np.clip(min(self.images, MANY) * rng.chisquare(differences, count) / differences, 1, MANY)
        drawn: Array = self.mean_square * self.freedom * images / rng.chisquare(self.freedom * images)
        return drawn


#: The largest effective number of images, beyond which a mean square counts as known exactly.
MANY = 1e9


def stratum(distance: Array, design: Design, factors: Factors) -> Stratum:
    """Return the mean square of an effect, and how its images move together.

    The inner products of the contrasts are those of as many normal vectors, which have a value for each image. The sum
    of the products' eigenvalues, and that of their squares, estimate the trace of the vectors' covariance matrix and
    the trace of its square. The effective number of images is the square of the former divided by the latter.
    """
    contrasts = design.contrasts(factors)
    products = -contrasts @ distance @ contrasts.T  # what distances do not tell about the outcomes cancels in contrasts
    freedom, total, squares = len(products), float(np.trace(products)), float((products**2).sum())
    if freedom == 1 or total <= ROUNDING * distance.max():
        total = total if total > ROUNDING * distance.max() else 0.0
        return Stratum(total / freedom, freedom, 1.0, total)
    excess = max(0.0, freedom * squares - total**2) / (freedom - 1)
    of_square = excess / (freedom * (freedom + 2))
    square_of = max(0.0, total**2 - 2 * freedom * of_square) / freedom**2
    images = max(1.0, square_of / of_square) if of_square else np.inf
    return Stratum(total / freedom, freedom, images, min(total, excess**0.5))


#: A sum of squares below this multiple of the largest distance is a rounding error.
ROUNDING = 1e-12


def half_square_matrix(values: Array) -> Array:
    """Return half the squared difference of every two numbers, whose mean is their variance.

    Parameters
    ----------
    values : (runs,)
        One number per run.

    Returns
    -------
    (runs, runs)
        The distances.
    """
    matrix: Array = (values[:, None] - values) ** 2 / 2
    return matrix


def _helmert(count: int) -> Array:
    """Return orthonormal contrasts of `count` levels, as an array of shape (count - 1, count)."""
    rows = np.tril(np.ones((count - 1, count)))
    rows[np.arange(count - 1), np.arange(1, count)] = -np.arange(1, count)
    contrasts: Array = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return contrasts


def _ends(draws: Array) -> tuple[float, float]:
    """Return the ends of the central 95 % of draws."""
    tail = (1 - CONFIDENCE) / 2
    if np.isnan(draws).any():
        return np.nan, np.nan
    low, high = np.quantile(draws, [tail, 1 - tail])
    return float(low), float(high)
