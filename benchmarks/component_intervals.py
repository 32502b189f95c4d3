"""Coverage of the intervals of stats/components.py, beside that of the naive bootstrap over levels.

Outcomes are simulated with known shares: a single number per run; the values of 300 images, independent or moving
together (`correlation`); and, as `predictions`, those values cut at a threshold of each image, with 0 and 1 left.

    python benchmarks/component_intervals.py > docs/results/components.csv      (about 20 minutes on one core)
    python benchmarks/component_intervals.py --summary docs/results/components.csv      (the table of components.md)
"""

import argparse
import itertools
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats as distributions

from noisegrid import stats
from noisegrid.stats.components import Design, Factors, stratum

THREE = {(0,): 0.4, (1,): 0.1, (2,): 0.0, (0, 1): 0.1, (0, 2): 0.1, (1, 2): 0.0, (0, 1, 2): 0.3}
TWO = {(0,): 0.5, (1,): 0.0, (0, 1): 0.5}
#: Levels, shares, images, correlation of the images, whether the values are cut to predictions.
CASES = {
    "number 2x2": ((2, 2), TWO, 1, 0.0, False),
    "number 5x5": ((5, 5), TWO, 1, 0.0, False),
    "number 3x3x3": ((3, 3, 3), THREE, 1, 0.0, False),
    "number 4x4x3": ((4, 4, 3), THREE, 1, 0.0, False),
    "images 3x3x2": ((3, 3, 2), THREE, 300, 0.0, False),
    "images 3x3x3": ((3, 3, 3), THREE, 300, 0.0, False),
    "images 4x4x3": ((4, 4, 3), THREE, 300, 0.0, False),
    "images 4x4x3, correlation 0.1": ((4, 4, 3), THREE, 300, 0.1, False),
    "images 4x4x3, correlation 0.3": ((4, 4, 3), THREE, 300, 0.3, False),
    "images 4x4x3, correlation 0.7": ((4, 4, 3), THREE, 300, 0.7, False),
    "predictions 3x3x3": ((3, 3, 3), THREE, 300, 0.0, True),
    "predictions 4x4x3, correlation 0.2": ((4, 4, 3), THREE, 300, 0.2, True),
    "predictions 6x6, correlation 0.5": ((6, 6), TWO, 300, 0.5, True),
}
THRESHOLDS = np.random.default_rng(3).uniform(-2.5, 2.5, 300)


def simulate(levels, shares, images, correlation, cut, rng):
    """Draw the distances between the runs of one study."""
    total = np.zeros((*levels, images))
    for factors, share in shares.items():
        shape = [count if one in factors else 1 for one, count in enumerate(levels)]
        own, common = rng.standard_normal((*shape, images)), rng.standard_normal((*shape, 1))
        total = total + np.sqrt(share) * (np.sqrt(1 - correlation) * own + np.sqrt(correlation) * common)
    values = total.reshape(-1, images)
    values = (values > THRESHOLDS).astype(float) if cut else values
    products = values @ values.T
    return (np.diag(products)[:, None] + np.diag(products) - 2 * products) / 2 / images


def truths(shares: dict[Factors, float], cut: bool) -> dict[Factors, float]:
    """Return the shares of the outcome; those of cut values follow from the bivariate normal distribution."""
    if not cut:
        return shares
    rates = distributions.norm.sf(THRESHOLDS)

    def covariance(correlation: float) -> float:
        if correlation <= 0 or correlation >= 1 - 1e-9:
            return float(np.mean(rates * (1 - rates))) * (correlation > 0)
        both = distributions.multivariate_normal(cov=[[1, correlation], [correlation, 1]])
        return float(np.mean([both.cdf([-at, -at]) - rate**2 for at, rate in zip(THRESHOLDS, rates, strict=True)]))

    common = {key: covariance(sum(part for t, part in shares.items() if set(t) <= set(key))) for key in shares}
    largest = max(shares, key=len)
    return {
        key: sum((-1) ** (len(key) - len(t)) * common[t] for t in shares if set(t) <= set(key)) / common[largest]
        for key in shares
    }


def naive(distance, levels, rng, draws=200):
    """The naive bootstrap: levels of every factor are drawn with replacement, and the ends are percentiles."""
    design, found = Design(levels), []
    for _ in range(draws):
        picked = np.ravel_multi_index(np.ix_(*(rng.integers(count, size=count) for count in levels)), levels).ravel()
        again = distance[np.ix_(picked, picked)]
        parts = design.inverse @ [stratum(again, design, factors).mean_square for factors in design.effects]
        found.append(parts / parts.sum() if parts.sum() > 0 else np.full(len(parts), np.nan))
    ends = np.clip(np.nanquantile(found, [0.025, 0.975], axis=0), 0, 1)
    return dict(zip(design.effects, ends.T, strict=True))


def summary(path: Path) -> str:
    """Return a Markdown table with a row per case: the smallest coverage of any share, and the width for source 0."""
    rows, worst = [], pd.read_csv(path, dtype={"share_of": str})
    for case, part in worst.groupby("case", sort=False):
        ours, bootstrap = (part[part["method"] == method] for method in ("generalised", "naive bootstrap"))
        lowest, theirs = ours.loc[ours["coverage"].idxmin()], bootstrap.loc[bootstrap["coverage"].idxmin()]
        width = ours.loc[ours["share_of"] == "0", "median_width"].iloc[0]
        rows.append(
            {
                "case": case,
                "studies": lowest["studies"],
                "smallest coverage": f"{lowest['coverage']:.3f}",
                "of the share of": lowest["share_of"],
                "median width, source 0": f"{width:.2f}",
                "bootstrap: smallest coverage": f"{theirs['coverage']:.2f} ({theirs['share_of']})",
            }
        )
    return pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)


def main() -> None:
    """Print one line per case, method and effect: coverage and median width."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--bootstrap-studies", type=int, default=100)
    parser.add_argument("--summary", type=Path)
    options = parser.parse_args()
    if options.summary:
        print(summary(options.summary))
        return
    print("case,method,studies,share_of,truth,coverage,median_width")
    for name, (levels, shares, images, correlation, cut) in CASES.items():
        truth, rng = truths(shares, cut), np.random.default_rng(1)
        found: dict[tuple[str, str, float], list[tuple[float, float]]] = {}
        for index in range(options.studies):
            distance = simulate(levels, shares, images, correlation, cut, rng)
            result = stats.components(distance, levels, rng, 2000)
            for key, share in result.own.items():
                found.setdefault(("generalised", _name(key), truth[key]), []).append((share.low, share.high))
            for (one,), share in result.alone.items():
                alone = min(1.0, sum(part for key, part in truth.items() if one in key))
                found.setdefault(("generalised", f"{one} alone", alone), []).append((share.low, share.high))
            if index < options.bootstrap_studies:
                for key, ends in naive(distance, levels, rng).items():
                    found.setdefault(("naive bootstrap", _name(key), truth[key]), []).append(tuple(ends))
        for (method, effect, value), ends in sorted(found.items()):
            low, high = np.array(ends).T
            covered = np.mean((low <= value + 1e-9) & (value - 1e-9 <= high))
            print(
                f'"{name}",{method},{len(ends)},{effect},{value:.3f},{covered:.3f},{np.median(high - low):.2f}',
                flush=True,
            )


def _name(key: Factors) -> str:
    return " x ".join(map(str, itertools.chain(key)))


if __name__ == "__main__":
    main()
