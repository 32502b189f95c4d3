"""How often the verdicts of `noisegrid gate` err, on simulated runs whose truth is known, and what the real ones cost.

    python benchmarks/gate_rates.py [--draws 1000] [--seed 0]

Prints three tables. The first has one row for each kind of runs and number of runs: the share of false verdicts where
there is no difference (the size), and the share of 95 % intervals that cover the true difference. A row passes if the
size is not significantly above 5 %, and the coverage not significantly below 93 %, by 99 % binomial intervals.

The second compares the paired test, and the test over runs and examples, with Welch's t test on the results alone: how
often each errs without an effect (its size), and how often it finds one (its power). Without pairs and examples, the
test is Welch's t, unless one side has fewer than ten runs and the other more than 1.5 times as many.

The third has new runs that mend some of the errors of the base runs, of which a small test set has few: the share of
intervals that cover the true gain, and of verdicts that call it equivalent within itself, which is false.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import special

from noisegrid.stats.comparison import EQUIVALENT, UNDECIDED
from noisegrid.stats.gain import Gain, decide, gain, gain_of_examples, grid_step

Array = np.ndarray
COUNTS = ((3, 3), (3, 4), (3, 5), (3, 10), (3, 50), (5, 5), (5, 10), (5, 50), (10, 10), (10, 50), (50, 50))
CORRELATIONS = (-0.5, 0.0, 0.5, 0.95)
PAIRS = (3, 5, 10, 50)
#: Runs and examples of the simulated predictions.
MENDED = tuple((examples, *shares) for shares in ((0.03, 0.01), (0.1, 0.08)) for examples in (50, 100, 200, 500, 2000))
PREDICTIONS = ((3, 3, 200), (3, 10, 200), (5, 5, 500), (10, 10, 1000), (50, 50, 200))
SIZE, COVERAGE = 0.05, 0.93
#: Runs on which t tests err too often if one side has fewer runs than the other, or is wider; they need not pass.
SKEWED = "skewed (exponential)"


@dataclass(frozen=True)
class Case:
    """A kind of runs.

    Attributes
    ----------
    name : str
        What is simulated.
    base, new : int
        Numbers of runs.
    noise : str
        The distribution of a result: `normal`, `t3` (Student's t, heavy tails) or `exponential` (skewed).
    ratio : float
        The standard deviation of base divided by that of new.
    correlation : float or None
        The correlation of runs with the same seed; None if seeds do not match.
    step : float
        The step of the grid, in standard deviations of the base runs.
    examples : int
        The number of test examples, if each has a result; otherwise 0.
    """

    name: str
    base: int
    new: int
    noise: str = "normal"
    ratio: float = 1.0
    correlation: float | None = None
    step: float = 0.0
    examples: int = 0


def cases() -> Iterator[Case]:
    """Yield all cases."""
    for base, new in COUNTS:
        yield Case("normal", base, new)
        for ratio in (3.0, 1 / 3):
            yield Case(f"normal, standard deviations {ratio:.2g} : 1", base, new, ratio=ratio)
        yield Case("heavy tails (Student's t, 3 degrees of freedom)", base, new, "t3")
        yield Case(SKEWED, base, new, "exponential")
        for step in (0.5, 2.0, 4.0):
            yield Case(f"rounded to steps of {step:g} standard deviations", base, new, step=step)
    for n in PAIRS:
        for correlation in CORRELATIONS:
            yield Case(f"pairs, correlation {correlation:g}", n, n, correlation=correlation)
            yield Case(f"pairs, correlation {correlation:g}, heavy tails", n, n, "t3", correlation=correlation)
        yield Case("pairs, correlation 0.5, rounded to steps of 2", n, n, correlation=0.5, step=2.0)
    for base, new, examples in PREDICTIONS:
        yield Case(f"predictions of {examples:,} examples", base, new, examples=examples)
        if base == new:
            for correlation in (-0.5, 0.95):
                name = f"predictions of {examples:,} examples, pairs, correlation {correlation:g}"
                yield Case(name, base, new, correlation=correlation, examples=examples)


def sides(case: Case, rng: np.random.Generator, effect: float = 0.0) -> tuple[Array, Array]:
    """Simulate both sides: results (runs,) or correct predictions (runs, examples).

    Without an effect, both sides are drawn from the same distribution, up to its width, so that the true difference is
    0. The effect is in standard deviations of a run.
    """
    weight = case.correlation or 0.0
    shared = noise(case, rng, max(case.base, case.new))
    signs = (1.0, 1.0 if weight >= 0 else -1.0)
    first, second = (
        sign * abs(weight) ** 0.5 * shared[:n] + (1 - abs(weight)) ** 0.5 * noise(case, rng, n)
        for n, sign in zip((case.base, case.new), signs, strict=True)
    )
    first, second = first * case.ratio, second + effect
    if case.step:
        offset = rng.random()
        first, second = (case.step * np.round(values / case.step + offset) for values in (first, second))
    if not case.examples:
        return first, second
    difficulty = 2 + rng.normal(0, 1, case.examples)
    return tuple(
        difficulty + 0.3 * values[:, None] + rng.normal(0, 0.5, case.examples)
        + rng.normal(0, 0.7, (len(values), case.examples)) > 0
        for values in (first, second)
    )  # fmt: skip


def noise(case: Case, rng: np.random.Generator, n: int) -> Array:
    """Draw n results around 0."""
    if case.noise == "exponential":
        return rng.exponential(size=n) - 1
    return rng.standard_t(3, n) if case.noise == "t3" else rng.normal(size=n)


def estimated(case: Case, first: Array, second: Array) -> Gain:
    """Return the gain as `noisegrid gate` estimates it."""
    paired = case.correlation is not None
    if case.examples:
        return gain_of_examples(first.astype(np.int8), second.astype(np.int8), paired, span=1.0)
    return gain(first, second, paired, grid_step(np.concatenate([first, second])))


def rates(case: Case, draws: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return the share of false verdicts where there is no difference, and the share of intervals that cover 0.

    Both sides may have the same result in every run; there is no verdict then.
    """
    wrong = covered = judged = 0
    for _ in range(draws):
        found = estimated(case, *sides(case, rng))
        estimate = found.estimate()
        if estimate.error > 0:
            judged += 1
            wrong += decide(found) != UNDECIDED
            covered += estimate.low <= 0 <= estimate.high
    return wrong / judged, covered / judged


def mended(examples: int, before: float, after: float, draws: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return the share of intervals that cover the true gain, and of verdicts that call it equivalent within itself.

    Examples are hard for the base runs, for the new runs too or for none, and the runs err on 95 % of the hard ones.
    """
    true, covered, equivalent = 0.95 * (before - after), 0, 0
    for _ in range(draws):
        hard = rng.random(examples)
        first, second = (
            (rng.random((3, examples)) < np.where(hard < share, 0.05, 1.0)).astype(np.int8) for share in (before, after)
        )
        found = gain_of_examples(first, second, span=1.0)
        estimate = found.estimate()
        covered += estimate.low <= true <= estimate.high
        equivalent += decide(found, within=true) == EQUIVALENT
    return covered / draws, equivalent / draws


def passes(size: float, covered: float, draws: int) -> bool:
    """Return whether the size is not significantly above 5 %, and the coverage not significantly below 93 %."""
    small = special.bdtrc(round(size * draws) - 1, draws, SIZE) > 0.005 if size > 0 else True
    return bool(small and special.bdtr(round(covered * draws), draws, COVERAGE) > 0.005)


def powers(case: Case, effect: float, draws: int, rng: np.random.Generator) -> list[float]:
    """Return how `noisegrid gate` and Welch's t test compare.

    Returns
    -------
    list of float
        Size and power of `noisegrid gate`, size and power of Welch's t test on the results alone, and the power that
        Welch's t test would have if its critical value were the one at which it errs as often as `noisegrid gate`. That
        value depends on the true correlation, which nobody knows.
    """
    found = []
    for shift in (0.0, effect):
        pairs = [sides(case, rng, shift) for _ in range(draws)]
        ours = [statistic(estimated(case, *pair)) for pair in pairs]
        welch = [statistic(gain(*(side if side.ndim == 1 else side.mean(axis=1) for side in pair))) for pair in pairs]
        found.append((np.array(ours), np.array(welch)))
    nominal = float(special.ndtri(1 - SIZE / 2))
    (ours_null, welch_null), (ours, welch) = found
    size = float((ours_null > nominal).mean())
    limit = np.quantile(welch_null, 1 - size)
    rates = [size, (ours > nominal).mean(), (welch_null > nominal).mean(), (welch > nominal).mean()]
    return [*map(float, rates), float((welch > limit).mean())]


def statistic(found: Gain) -> float:
    """Return how extreme a gain is: the quantile of the p-value, which is comparable between degrees of freedom."""
    estimate = found.estimate()
    p = special.stdtr(estimate.freedom, -abs(estimate.value) / estimate.error) if estimate.error > 0 else 0.5
    return float(-special.ndtri(max(p, 1e-300)))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print("| runs | base | new | false verdicts | covered | |\n| --- | --- | --- | --- | --- | --- |")
    for index, case in enumerate(cases()):
        size, covered = rates(case, options.draws, np.random.default_rng([options.seed, index]))
        word = "passes" if passes(size, covered, options.draws) else "skewed" if case.name == SKEWED else "FAILS"
        print(f"| {case.name} | {case.base} | {case.new} | {size:.3f} | {covered:.3f} | {word} |", flush=True)
    print("\n| runs | n | effect | size | power | size of Welch's t | its power | its power at our size |")
    print("| --- " * 8 + "|")
    compared = [case for case in cases() if case.correlation is not None or (case.examples and case.base == case.new)]
    for index, case in enumerate(compared):
        effect = 2 / case.base**0.5
        found = powers(case, effect, options.draws, np.random.default_rng([options.seed, 1000 + index]))
        print(
            f"| {case.name} | {case.base} | {effect:.2f} | {' | '.join(f'{rate:.3f}' for rate in found)} |", flush=True
        )
    print(
        "\n| examples | errors before | after | covered | called equivalent | |\n| --- | --- | --- | --- | --- | --- |"
    )
    for index, case in enumerate(MENDED):
        covered, equivalent = mended(*case, options.draws, np.random.default_rng([options.seed, 2000 + index]))
        word = "passes" if passes(equivalent, covered, options.draws) else "FAILS"
        print(f"| {case[0]} | {case[1]:.0%} | {case[2]:.0%} | {covered:.3f} | {equivalent:.3f} | {word} |", flush=True)


if __name__ == "__main__":
    main()
