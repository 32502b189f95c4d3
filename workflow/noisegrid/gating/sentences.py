"""The words of a verdict: one sentence, and the lines that explain it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from noisegrid.common.escape import terminal
from noisegrid.reading.runs import Read
from noisegrid.stats.comparison import BETTER, EQUIVALENT, WORSE
from noisegrid.stats.intervals import Estimate

if TYPE_CHECKING:
    from noisegrid.gating.examples import ExampleResults
    from noisegrid.gating.gate import Gate, Side

#: The largest number of files with the same kind of results that are named one by one.
FILES = 3
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def digits(width: float) -> int:
    """Return how many decimals show two significant digits of a width."""
    return 2 if not 0 < width < math.inf else max(0, min(12, 1 - math.floor(math.log10(width))))


def power(largest: float) -> int:
    """Return the power of ten that numbers up to the given one are divided by, because they are very large or small."""
    return 0 if not 0 < largest < math.inf or 1e-4 <= largest < 1e9 else math.floor(math.log10(largest))


def power_of_ten(exponent: int) -> str:
    """Return by what numbers that were divided are to be multiplied, such as ` × 10⁻⁷`; an empty string for 1."""
    return f" × 10{str(exponent).translate(_RAISED)}" if exponent else ""


def number(value: float, width: float, sign: bool = False) -> str:
    """Return a number with as many decimals as the width of its interval justifies."""
    exponent = power(abs(value))
    return _decimal(value, width, sign, exponent) + power_of_ten(exponent)


def bound(value: float, width: float, sign: bool = False) -> str:
    """Return a number that the user asked for as `number` does, but with all its decimals: it is what was tested."""
    exponent = power(abs(value))
    rounded = _decimal(value, width, sign, exponent)
    if math.isclose(float(rounded.replace("−", "-")) * 10.0**exponent, value, rel_tol=1e-9):
        return rounded + power_of_ten(exponent)
    return f"{value:{'+' if sign else ''}.15g}".replace("-", "−")


def interval(estimate: Estimate, sign: bool = False) -> str:
    """Return an estimate with its interval, such as `+0.31 [+0.12, +0.50]`."""
    width, exponent = (estimate.high - estimate.low) / 2, power(max(map(abs, estimate[:3])))
    value, low, high = (_decimal(end, width, sign, exponent) for end in estimate[:3])
    return f"{value} [{low}, {high}]{power_of_ten(exponent)}"


def _decimal(value: float, width: float, sign: bool, exponent: int) -> str:
    """Return a number divided by a power of ten."""
    unit = 10.0**exponent
    return f"{value / unit:{'+' if sign else ''}.{digits(width / unit)}f}".replace("-", "−")


def percent(level: float) -> str:
    """Return a confidence in percent, such as `95 %`, `97.5 %` or `99.998 %`: 100 % minus two significant digits."""
    return f"{round(100 * level, digits(100 * (1 - level))):.15g} %"


def sentence(found: Gate) -> str:
    """Return a verdict as one sentence."""
    return f"{found.verdict}: {claim(found)} ({basis(found)})"


def claim(found: Gate) -> str:
    """Return what a verdict says about the difference, without the verdict's name."""
    metric, difference = terminal(found.metric), found.difference
    base, new = name("base", found.base), name("new", found.new)
    if found.verdict in (BETTER, WORSE):
        side = "higher" if difference.value > 0 else "lower"
        if difference.value < 0:  # the sentence says by how much it is lower
            difference = Estimate(-difference.value, -difference.high, -difference.low)
        what = f"the {metric} of {new} is {side} than that of {base} by {interval(difference)}{found.unit}"
    else:
        what = f"the {metric} of {new} minus that of {base} is {interval(difference, sign=True)}{found.unit}"
    return what + _asked(found)


def name(side: str, of: Side) -> str:
    """Return what a side is called: base or new, with its label."""
    return f"{side} ({terminal(of.label)})" if of.label else side


def _asked(found: Gate) -> str:
    """Return how the difference compares with the bounds that were asked for."""
    asked, width = found.question, found.smallest
    at_least = bound(asked.at_least, width)
    if found.verdict == EQUIVALENT:
        return f", within ± {bound(asked.margin, width)}"
    if not asked.at_least or found.verdict == WORSE:
        return ""
    if found.verdict == BETTER:
        return f", which is more than {at_least}"
    most = -found.difference.low if found.lower_is_better else found.difference.high
    below = most < asked.at_least
    return f", a gain of less than {at_least}" if below else f", not clearly a gain of more than {at_least}"


def direction(found: Gate) -> str:
    """Return which values of the metric are better: `lower` or `higher`."""
    return "lower" if found.lower_is_better else "higher"


def basis(found: Gate) -> str:
    """Return what a verdict rests on."""
    return f"{', '.join(_basis(found))}; {direction(found)} is better"


def _basis(found: Gate) -> Iterator[str]:
    """Yield what the interval rests on."""
    yield f"{percent(found.level)} interval"
    yield found.test
    base, new = len(found.base.values), len(found.new.values)
    yield f"{base} pairs of runs" if found.paired else f"{base} + {new} runs"
    if found.examples:
        yield f"{found.examples.count:,} examples"


def details(found: Gate) -> Iterator[str]:
    """Yield the lines that explain a verdict, after one line for each side."""
    for which, side in (("base", found.base), ("new", found.new)):
        spread, runs = number(side.std, side.std), counted(len(side.values), "run")
        yield f"{name(which, side)}: mean {interval(side.mean)}, standard deviation {spread} ({runs})"
    yield from explanation(found)


def explanation(found: Gate) -> Iterator[str]:
    """Yield the lines that explain a verdict."""
    yield f"A single run of new is better than a single run of base with probability {interval(found.superiority)}."
    smallest = number(found.smallest, found.smallest)
    yield f"With these runs, an observed difference below {smallest}{found.unit} cannot be told from noise."
    yield from _needed(found)
    yield from _of_examples(found)
    yield from (f"Note: {note}." for note in found.notes)


def _needed(found: Gate) -> Iterator[str]:
    """Yield how many more runs would decide."""
    if found.needed is None:
        why = "" if found.examples is None else f", because the {found.examples.count:,} examples remain the same"
        power = "with a power of 80 % if the true difference were the observed one"
        yield f"No number of further runs would decide {power}{why}."
    elif found.needed:
        more = "1 more run" if found.needed == 1 else f"{found.needed:,} more runs"
        yield f"{more} per side would decide (power 80 %) if the true difference were the observed one."


def _of_examples(found: Gate) -> Iterator[str]:
    """Yield what the results of each example show, or that there are none."""
    results = found.examples
    if results is None:
        yield (
            "The interval covers the noise between runs. It does not cover the sampling of the test examples, because "
            "results of each example were not given."
        )
        return
    width = (found.of_runs.high - found.of_runs.low) / 2
    these = f"the sampling of the {results.count:,} examples alone"
    sampling = f"{these} ± {number(results.sampling, results.sampling)}{found.unit}"
    if not results.sampling > 0.01 * width:
        sampling = f"{these} too little to be seen beside it"
    runs = f"runs alone make it ± {number(width, width)}{found.unit}"
    yield f"The interval covers both kinds of noise: {runs}, {sampling}."
    if results.churn_base and results.churn_new and results.churn_between:
        yield (
            f"Two runs disagree on {interval(results.churn_base)} % of the examples if both are of base, on "
            f"{interval(results.churn_new)} % if both are of new, and on {interval(results.churn_between)} % otherwise."
        )
    if results.classes:
        yield _classes(results, found.level)


def _classes(results: ExampleResults, level: float) -> str:
    """Return which classes differ."""
    changed, count = results.changed(level), len(results.classes)
    if not changed:
        return f"None of the {count} classes differs beyond noise (corrected for their number, by Holm)."
    shown = ", ".join(f"{terminal(each.name)}: {interval(each.difference, sign=True)}" for each in changed[:5])
    more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
    what = f"{len(changed)} of {count} classes differ beyond noise (corrected for their number, by Holm)"
    return f"{what}, in percentage points: {shown}{more}."


def what_was_read(reads: Sequence[Read]) -> Iterator[str]:
    """Yield what was read from each file. Many files with the same kind of results are one line."""
    kinds = dict[str, list[Read]]()
    for read in reads:
        kinds.setdefault(read.what, []).append(read)
    for what, same in kinds.items():
        if len(same) > FILES:
            files = f"{len(same):,} files from {same[0].file} to {same[-1].file}"
            whole = [Read(files, what, sum(read.rows for read in same), sum(read.runs for read in same))]
        for file, _, rows, runs in whole if len(same) > FILES else same:
            yield f"{terminal(file)}: {terminal(what)}, {counted(rows, 'row')}, {counted(runs, 'run')}"


def counted(count: int, what: str) -> str:
    """Return a count with its noun, such as `1 row` or `1,000 rows`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
