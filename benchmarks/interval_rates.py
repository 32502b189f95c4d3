"""How often the intervals of metrics.csv cover the truth, on simulated replicates whose truth is known.

    python benchmarks/interval_rates.py [--draws 1000] [--seed 0]

Prints one row for each statistic, kind of replicates and number of replicates: the share of intervals that cover the
truth. A 95 % interval passes if this share is not significantly below 93 %, by a 99 % binomial interval. EXEMPT lists
the cases that are known to fail, and why. Another case that is known to fail, one run in ten that lies apart, is named
beside the number: see `outlier_notes` in measuring/cell.py.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import special

from noisegrid import stats

Array = np.ndarray
#: Images of the simulated test set, and seed sets of clustered replicates.
IMAGES, SETS = 597, 5
COUNTS = (3, 5, 10, 50)
STATISTICS = ("mean", "std", "difference", "churn", "ratio")
TRUTHS = ("normal", "bimodal", "discrete", "clustered")
#: The coverage that is required of 95 % intervals.
REQUIRED = 0.93
#: Cases that are not required to pass, by statistic, kind and number of replicates, and why.
FEW = "with three runs in two equal modes, all are often in one mode"
EXEMPT = {
    ("mean", "bimodal", 3): FEW,
    ("std", "bimodal", 3): FEW,
    ("churn", "bimodal", 3): FEW,
    ("ratio", "bimodal", 3): FEW,
}


@dataclass(frozen=True)
class Draw:
    """Simulated replicates.

    Attributes
    ----------
    accuracies : (replicates,)
        Accuracies in percentage points around a mean.
    predictions : (replicates, images)
        Predictions, as 0 and 1.
    sets : (replicates,)
        Index of the seed set of each replicate.
    """

    accuracies: Array
    predictions: Array
    sets: Array


@dataclass(frozen=True)
class Truth:
    """The true values of the statistics of a kind of replicates."""

    mean: float
    std: float
    churn: float

    @property
    def difference(self) -> float:
        """The difference of the means of two cells of the same kind."""
        return 0.0

    @property
    def ratio(self) -> float:
        """The logarithm of the ratio of the churn of two cells of the same kind."""
        return 0.0


#: The probability that a replicate predicts 1 for an image. Most images are stable.
FLIPS = np.where(np.arange(IMAGES) < 120, np.linspace(0.02, 0.5, IMAGES), 0.0)
#: Images that the two modes of bimodal replicates predict differently. None of them flips.
MODES = slice(200, 260)


def draw(kind: str, n: int, rng: np.random.Generator) -> Draw:
    """Return n simulated replicates of one kind."""
    sets, uniform = np.zeros(n, int), rng.random((n, IMAGES))
    if kind == "normal":  # every run has a level of instability of its own
        level = np.exp(rng.normal(0, 0.3, (n, 1)))
        return Draw(rng.normal(0, 1, n), uniform < np.minimum(1, FLIPS * level), sets)
    if kind == "bimodal":  # every run ends in one of two networks, which are equally likely
        mode = rng.integers(0, 2, n)
        predictions = uniform < FLIPS
        predictions[:, MODES] ^= mode[:, None] == 1
        return Draw(2 * mode - 1 + rng.normal(0, 0.25, n), predictions, sets)
    if kind == "discrete":  # accuracies are counts of images, and few images are unstable
        predictions = uniform < np.where(np.arange(IMAGES) < 12, 0.5, 0.0)
        return Draw(100 * np.round(rng.normal(0.3, 2, n)) / IMAGES, predictions, sets)
    sets = np.arange(n) % SETS  # every seed set has an effect of its own
    effect = rng.normal(0, 2, SETS)[sets]
    predictions = uniform < np.minimum(1, FLIPS * np.exp(rng.normal(0, 0.3, SETS)[sets])[:, None])
    predictions[:, MODES] ^= (rng.random((SETS, 60)) < 0.5)[sets]
    return Draw(effect + rng.normal(0, 1, n), predictions, sets)


def truth(kind: str, rng: np.random.Generator) -> Truth:
    """Return the true values of one kind of replicates; where they have no simple formula, from a large simulation."""
    if kind == "bimodal":
        inside = 2 * FLIPS * (1 - FLIPS)
        return Truth(0.0, float(np.sqrt(1 + 0.25**2)), float((inside.sum() + 60 / 2) / IMAGES))
    if kind == "discrete":
        counts = np.round(rng.normal(0.3, 2, 10**7))
        return Truth(100 * counts.mean() / IMAGES, 100 * counts.std() / IMAGES, 12 / 2 / IMAGES)
    level = np.exp(rng.normal(0, 0.3, (20_000, 1)))
    chances = np.minimum(1, FLIPS * level)
    if kind == "clustered":  # the churn within a set, where both runs have the level of the set
        return Truth(0.0, 1.0, float((2 * chances * (1 - chances)).mean()))
    chance = chances.mean(axis=0)
    return Truth(0.0, 1.0, float((2 * chance * (1 - chance)).mean()))


def estimate(statistic: str, one: Draw, other: Draw) -> stats.Estimate:
    """Return the estimate that noisegrid makes of a statistic; a difference and a ratio also need a second cell."""
    if statistic == "mean":
        return stats.mean(one.accuracies, one.sets)
    if statistic == "std":
        return stats.std(one.accuracies, one.sets)
    if statistic == "difference":
        return stats.difference(*(stats.mean(cell.accuracies, cell.sets) for cell in (one, other)))
    if statistic == "ratio":
        return stats.log_ratio(churn(one), churn(other))
    return churn(one)


def churn(one: Draw) -> stats.Estimate:
    """Return the churn within seed sets."""
    together = one.sets[:, None] == one.sets
    return stats.pair_mean(stats.churn_matrix(one.predictions), together, one.sets)


def coverage(statistic: str, kind: str, n: int, draws: int, rng: np.random.Generator) -> float:
    """Return the share of intervals that cover the truth."""
    true = getattr(truth(kind, np.random.default_rng(0)), statistic)
    covered = 0
    for _ in range(draws):
        found = estimate(statistic, draw(kind, n, rng), draw(kind, n, rng))
        covered += found.low - 1e-12 <= true <= found.high + 1e-12
    return covered / draws


def passes(rate: float, draws: int, required: float = REQUIRED) -> bool:
    """Return whether a coverage is not significantly below the required one, by a one-sided exact 0.5 % test."""
    return bool(special.bdtr(round(rate * draws), draws, required) > 0.005)


def cases() -> Iterator[tuple[str, str, int]]:
    """Yield all cases: statistic, kind and number of replicates.

    By default, a cell has five seed sets from ten replicates on.
    """
    for statistic in STATISTICS:
        for kind in TRUTHS:
            for n in COUNTS:
                if kind != "clustered" or n >= 2 * SETS:
                    yield statistic, kind, n


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print("| statistic | replicates | n | covered | |\n| --- | --- | --- | --- | --- |")
    for case in cases():
        rate = coverage(*case, options.draws, np.random.default_rng([options.seed, *map(ord, "".join(map(str, case)))]))
        word = "passes" if passes(rate, options.draws) else EXEMPT.get(case, "FAILS")
        print(f"| {case[0]} | {case[1]} | {case[2]} | {rate:.3f} | {word} |")


if __name__ == "__main__":
    main()
