"""The words of a noise floor: one sentence, and the lines that explain it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from noisegrid.common.escape import terminal
from noisegrid.gating.independence import INDEPENDENT, SUSPICIOUS
from noisegrid.gating.sentences import interval, number
from noisegrid.stats.intervals import FEWEST
from noisegrid.stats.power import LIMIT

if TYPE_CHECKING:
    from noisegrid.gating.example_spread import ClassSpread, ExampleSpread
    from noisegrid.gating.floor import Floor


def sentence(found: Floor) -> str:
    """Return a floor as one sentence."""
    metric, n = terminal(found.metric), len(found.values)
    if found.std.value > 0:
        what = f"the {metric} of {n} runs has a standard deviation of {interval(found.std)}{found.unit}"
    else:
        what = f"the {metric} of {n} runs has no spread: each is {found.values[0]:g}"
    return f"{what}; {_conclusion(found)}"


def _conclusion(found: Floor) -> str:
    if found.verdict == SUSPICIOUS:
        return "the runs do not look independent"
    if found.verdict == INDEPENDENT:
        return "the runs look independent"
    if len(found.values) < FEWEST:
        return "too few to tell whether they are independent"
    return "whether the runs are independent cannot be told from them"


def details(found: Floor) -> Iterator[str]:
    """Yield the lines that explain a floor."""
    for finding in sorted(found.findings, key=lambda finding: not finding.suspicious):
        kind = "Suspicious" if finding.suspicious else "Cannot be tested" if finding.undecided else "Looked at"
        yield f"{kind}: {finding.sentence}."
    if found.std.value > 0:
        yield f"Mean {interval(found.mean)}, standard deviation {interval(found.std)}{found.unit} (95 % intervals)."
    yield from _planning(found)
    if found.outlier is not None:
        name, value = terminal(found.names[found.outlier]), found.values[found.outlier]
        what = f"{name} ({value:g}) lies far from the other runs"
        yield f"{what}; look at it, because the intervals assume that no run does."
    if found.examples is None:
        what = "How much of the spread is about these test examples alone is unknown"
        yield f"{what}, because results of each example were not given."
    else:
        yield from _of_examples(found.examples, found.unit)


def _planning(found: Floor) -> Iterator[str]:
    """Yield which differences cannot be told from noise with as many runs, and how many are needed to detect gains."""
    n, same = len(found.values), " on the same examples" if found.examples else ""
    if found.std.value > 0:
        smallest = number(found.smallest, found.smallest)
        what = f"an observed difference below {smallest}{found.unit} cannot be told from noise at 95 %"
        yield f"With {n} runs per side{same}, {what}."
    if n < FEWEST:
        yield f"{n} runs are too few to plan with, to find an outlier or to test their order; {FEWEST} are needed."
    for needed in found.needed:
        counts = [_count(count) for count in (needed.runs, needed.low, needed.high)]
        between = "" if len(set(counts)) == 1 else f"{counts[1]} to {counts[2]}; "
        yield f"To detect a gain of {needed.name}, each side needs {counts[0]} runs ({between}power 80 %)."


def _count(runs: int | None) -> str:
    return f"more than {LIMIT:,}" if runs is None else f"{runs:,}"


def _of_examples(found: ExampleSpread, unit: str) -> Iterator[str]:
    """Yield what the results of each example show."""
    these = f"{found.count:,} examples"
    if not math.isnan(found.share.value):
        about = f"{100 * min(1.0, found.share.value):.0f} % of the variance is about these {these}"
        yield f"On an infinite test set, the standard deviation would be {interval(found.std)}{unit}: {about}."
    if not math.isnan(found.sampling):
        half_width = number(found.sampling, found.sampling)
        yield f"The sampling of the {these} alone blurs the mean by ± {half_width}{unit}."
    if found.churn and not found.churn.value:
        yield "No two runs disagree on any example."
    elif found.churn:
        yield f"Two runs disagree on {interval(found.churn)} % of the examples."
    if found.classes:
        yield _classes(found.classes)


def _classes(classes: tuple[ClassSpread, ...]) -> str:
    """Return which classes vary more than independent errors would make them."""
    above = sorted((each for each in classes if each.above), key=lambda each: each.null_high / each.std.value)
    shown = ", ".join(
        f"{terminal(each.name)}: {number(each.std.value, each.null_high)} instead of up to "
        f"{number(each.null_high, each.null_high)}"
        for each in above[:5]
    )
    more = f" and {len(above) - 5} more" if len(above) > 5 else ""
    count = f"{len(above)} of {len(classes)} classes {'varies' if len(above) == 1 else 'vary'} more between runs"
    what = f"{count} than independent errors on different examples explain"
    return f"{what}: {shown}{more} percentage points." if above else f"{what}."
