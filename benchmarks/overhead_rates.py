"""Measure how often the interval of an overhead covers the truth, on simulated step times.

The logarithm of a block's ratio is an effect of its process plus autocorrelated noise. Each line gives the share of
intervals that cover the truth, with a 99 % binomial interval (Clopper and Pearson).

    python benchmarks/overhead_rates.py [draws]
"""

import sys

import numpy as np
from scipy import special

from noisegrid import stats

NOISE, BLOCKS = 0.02, 3
#: How the effects of processes are distributed, each with standard deviation 1.
EFFECTS = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "t with 3 degrees of freedom": lambda rng, shape: rng.standard_t(3, shape) / np.sqrt(3),
    "two levels": lambda rng, shape: rng.choice([-1.0, 1.0], shape),
    "exponential": lambda rng, shape: rng.exponential(size=shape) - 1,
}


def block_ratios(
    rng: np.random.Generator, shape: tuple[int, int, int], effect: str, size: float, rho: float
) -> np.ndarray:
    """Draw ratios of shape (draws, processes, blocks); the mean of their logarithms is 0."""
    noise = rng.standard_normal(shape)
    for block in range(1, shape[2]):
        noise[..., block] = rho * noise[..., block - 1] + np.sqrt(1 - rho**2) * noise[..., block]
    return np.exp(size * EFFECTS[effect](rng, (*shape[:2], 1)) + NOISE * noise)


def report(title: str, ratios: list[list[np.ndarray]]) -> None:
    """Print the coverage of the intervals of these draws, whose true ratio is 1."""
    found = [stats.ratio_over_processes(one) for one in ratios]
    covered, n = sum(e.low <= 1 <= e.high for e in found), len(found)
    low, high = special.betaincinv(covered, n - covered + 1, 0.005), special.betaincinv(covered + 1, n - covered, 0.995)
    print(f"{title:78s} {covered / n:.3f} [{low:.3f}, {high:.3f}]")


def main() -> None:
    """Print the rates."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    rng = np.random.default_rng(0)
    for processes in (3, 5, 10):
        for size in (0.0, 0.02, 0.06):
            for rho in (0.0, 0.8):
                for effect in EFFECTS if size else ("normal",):
                    drawn = block_ratios(rng, (draws, processes, BLOCKS), effect, size, rho)
                    title = f"{processes} processes, effects {effect} ({size:g}), rho {rho:g}"
                    report(title, [list(one) for one in drawn])
    for size, rho in ((0.0, 0.8), (0.02, 0.8)):
        drawn = block_ratios(rng, (draws, 1, 15), "normal", size, rho)
        report(
            f"one process of 15 blocks (negative control), effects ({size:g}), rho {rho:g}",
            [list(one) for one in drawn],
        )


if __name__ == "__main__":
    main()
