"""The measurements of one network as text: a table with a line per arm, and sentences about what the runs show."""

import math
from collections.abc import Iterator

from noisegrid import stats
from noisegrid.common.text import aligned
from noisegrid.overhead.conditions import disturbance
from noisegrid.overhead.processes import Timed
from noisegrid.study.arms import arms

#: How the columns are to be read.
RATIO = (
    "A ratio compares neighbouring blocks: it is the geometric mean over processes of the median ratio. It is not the "
    "quotient of the two step times, which are medians over all blocks."
)
KERNELS = "Kernels are timed in profiled steps of their own, which take longer than the steps of a block."


def summary(found: Timed) -> str:
    """Format the measurements of a network as text.

    Each arm has one line with its step time, the name of the arm that it is compared with, the ratio of the two step
    times with its interval over processes, the kernel time, the duration of the first step, and whether the arm is
    repeatable. Below are how the columns are to be read, a sentence for each ratio, what was replaced or skipped, and
    whether other processes disturbed the blocks.
    """
    lines = [("arm", "step ms", "against", "ratio [95 %]", "kernels ms", "first ms", "repeatable")]
    ratios = _ratios(found)
    for name in found.arms:
        ratio = _interval(ratios[name]) if name in ratios else ""
        step, kernel_sum, first = (_median(found, name, measure) for measure in ("step", "kernel_sum", "first_step"))
        lines.append((name, step, arms()[name].against, ratio, kernel_sum, first, _repeatable(found, name)))
    return "\n".join([*aligned(lines), "", *_notes(found, ratios)])


def _notes(found: Timed, ratios: dict[str, stats.Estimate]) -> Iterator[str]:
    if ratios:
        yield RATIO
    if any(row["measure"] == "kernel_sum" for row in found.rows):
        yield KERNELS
    yield from (f"{name}: {why}" for name, why in (found.remedied | found.skipped).items())
    for name, ratio in ratios.items():
        against = arms()[name].against
        yield verdict(name, against, ratio, len(_pairs(found, name, against)))
    if len(ratios) > 1:
        yield f"The {len(ratios)} intervals are not corrected for their number."
    if disturbed := disturbance([row["note"] for row in found.rows if row["measure"] == "step"]):
        yield disturbed


def verdict(arm: str, against: str, ratio: stats.Estimate, processes: int) -> str:
    """Say in one sentence what the runs show about the step time of an arm.

    Parameters
    ----------
    arm, against : str
        The names of the two arms.
    ratio : Estimate
        The step time of `arm` divided by that of `against`.
    processes : int
        The number of processes that timed both.
    """
    saving, cost = _percent(1 - ratio.low), _percent(ratio.high - 1)
    times = f"{arm}: a step takes {ratio.value:.3f} times as long as that of {against}"
    if math.isnan(ratio.low) or math.isnan(ratio.high):
        return f"{times}; one process with few blocks gives no interval, so neither a saving nor a cost is excluded."
    if ratio.low > 1:
        low, high = _percent(ratio.low - 1), cost
        text = f"{arm}: a step costs {_percent(ratio.value - 1)} % [{low}, {high}] more time than that of {against}"
    elif ratio.high < 1:
        low, high = _percent(1 - ratio.high), saving
        text = f"{arm}: a step takes {_percent(1 - ratio.value)} % [{low}, {high}] less time than that of {against}"
    else:
        text = (
            f"{times} [{ratio.low:.3f}, {ratio.high:.3f}]: these runs exclude neither a saving of {saving} % nor a "
            f"cost of {cost} %"
        )
    return f"{text} ({_count(processes)})."


def _count(processes: int) -> str:
    """Return the number of processes, and what a number below stats.FEWEST means."""
    if processes == 1:
        return "conditional on one process, which decides nothing"
    few = f"; fewer than {stats.FEWEST} decide nothing" if processes < stats.FEWEST else ""
    return f"n = {processes} processes{few}"


def _percent(share: float) -> str:
    """Return a share in percent with two significant digits, such as 27, 2.7 or 130."""
    return f"{float(f'{100 * share:.2g}'):g}" if math.isfinite(share) else ""


def _interval(ratio: stats.Estimate) -> str:
    if math.isnan(ratio.low) or math.isnan(ratio.high):
        return f"{ratio.value:.3f}, no interval (one process)"
    return f"{ratio.value:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]"


def _ratios(found: Timed) -> dict[str, stats.Estimate]:
    """Return the ratio of each arm that is compared with another arm that ran, in the order of the arms."""
    ratios = {}
    for name in found.arms:
        if pairs := _pairs(found, name, arms()[name].against):
            ratios[name] = stats.ratio_over_processes([stats.block_ratios(*pair) for pair in pairs])
    return ratios


def _pairs(found: Timed, arm: str, against: str) -> list[tuple[list[float], list[float]]]:
    """Return the step times of the blocks of two arms, for each process in which both ran."""
    return [pair for pair in zip(_blocks(found, arm), _blocks(found, against), strict=True) if all(pair)]


def _values(found: Timed, arm: str, measure: str) -> list[float]:
    return [row["value"] for row in found.rows if (row["arm"], row["measure"]) == (arm, measure)]


def _blocks(found: Timed, arm: str) -> list[list[float]]:
    """Return the step times of the blocks of an arm, as a list for each process."""
    rows = [row for row in found.rows if (row["arm"], row["measure"]) == (arm, "step")]
    return [[row["value"] for row in rows if row["process"] == process] for process in range(found.timing.processes)]


def _median(found: Timed, arm: str, measure: str) -> str:
    values = _values(found, arm, measure)
    return f"{stats.median(values):.2f}" if values else ""


def _repeatable(found: Timed, arm: str) -> str:
    if not (repeatable := _values(found, arm, "repeatable")):
        return ""
    return "yes" if repeatable[0] else f"no, step {_values(found, arm, 'first_differing_step')[0]:.0f}"
