"""Test the paper's claims about the overhead of determinism (C12 to C16) on overhead.csv.

An overhead is the step time of the deterministic arm divided by the step time of the default arm. The effect of C12 is
an overhead, the effects of C13 to C15 are quotients of two overheads, and the effect of C16 is a share of a difference
in kernel time. n is the number of processes. All intervals of C12 to C15 are Student's t intervals over processes on
the logarithms of the overheads. The module `claims` lists the possible verdicts.

An overhead "is larger" than another one if it is larger by more than a margin (STRONGLY, LARGER). Therefore a verdict
can be `not reproduced` although the two are equal: the interval then lies below the margin.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from noisegrid import stats
from noisegrid.common.notes import join_notes
from noisegrid.common.schemas import WORKFLOW, catalog
from noisegrid.reporting import overhead_frame
from noisegrid.reporting.overhead_frame import DETERMINISTIC
from noisegrid.reporting.verdicts import (
    NOT_DECIDED,
    NOT_MEASURED,
    NOT_REPRODUCED,
    REPRODUCED,
    Verdict,
)
from noisegrid.runtime.hardware import entry
from noisegrid.study.arms import REFERENCE

#: The largest overhead on a device is reproduced if its interval lies within this factor of the published overhead. The
#: factor allows for networks, CUDA and cuDNN that differ from those of the paper.
NEAR = 1.25
#: Overheads vary strongly between networks (C13) if the largest is more than this factor above the smallest.
STRONGLY = 1.25
#: An overhead is larger than another one (C14, C15) if it is larger by more than this factor.
LARGER = 1.1
KERNEL_SIZES = {1: "mediumcnn_k1", 3: "mediumcnn_k3", 5: "mediumcnn_k5", 7: "mediumcnn_k7"}
#: C16 is reproduced if the kernels that only the default arm or only the deterministic arm runs explain at least this
#: share of the difference in kernel time.
MOST = 0.5
ALPHA = 1 - stats.CONFIDENCE
#: For each network, the logarithm of the overhead in each process.
Logs = dict[str, np.ndarray]


def claim_12(overhead: pd.DataFrame) -> Iterator[Verdict]:
    """Judge, on each kind of hardware, whether the largest overhead is near the largest one that the paper reports.

    The largest is chosen among all networks, so the intervals hold for all networks at once.
    """
    published = published_maxima()
    for hardware, logs in _by_hardware(overhead).items():
        estimates = [_mean(values) for values in logs.values()]
        found, (n, note) = _largest(estimates, len(logs)), _processes(logs)
        effect, low, high = _exp(found)
        context = f"largest on {hardware}: {_most(logs)}"
        if hardware not in published:
            note = join_notes("the paper has no number for this device", note)
            yield Verdict("", context, NOT_MEASURED, effect, low, high, n, note=note)
            continue
        bottom, top = published[hardware] / NEAR, published[hardware] * NEAR
        verdict = NOT_DECIDED
        if low >= bottom and high <= top:
            verdict = REPRODUCED
        elif high < bottom or low > top:
            verdict = NOT_REPRODUCED
        p = max(_p_of_largest(estimates, math.log(bound), len(logs)) for bound in (bottom, top))
        context, ps = f"{context}; paper {published[hardware]:g}", _both(p, bottom <= effect <= top)
        yield Verdict("", context, verdict, effect, low, high, n, False, *ps, note)


def claim_13(overhead: pd.DataFrame) -> Iterator[Verdict]:
    """Judge, on each kind of hardware, whether the overhead varies strongly between networks.

    The two networks are the extremes of all networks, so the intervals hold for all pairs at once.
    """
    for hardware, logs in _by_hardware(overhead).items():
        if len(logs) < 2:
            continue
        ordered = sorted(logs, key=lambda name: logs[name].mean())
        differences = [_difference(logs[a], logs[b]) for a, b in itertools.permutations(ordered, 2)]
        context = f"{ordered[-1]} against {ordered[0]} on {hardware}"
        yield _above(context, differences, math.comb(len(logs), 2), logs, STRONGLY)


def claim_14(overhead: pd.DataFrame) -> Iterator[Verdict]:
    """Judge, on each kind of hardware, whether the medium CNN has a larger overhead with larger convolution kernels."""
    for hardware, logs in _by_hardware(overhead).items():
        sized = [name for name in KERNEL_SIZES.values() if name in logs]
        if len(sized) > 1:
            both = {name: logs[name] for name in (sized[-1], sized[0])}
            context = f"{sized[-1]} against {sized[0]} on {hardware}"
            yield _above(context, [_difference(*both.values())], 1, both, LARGER)


def claim_15(overhead: pd.DataFrame) -> Iterator[Verdict]:
    """Judge whether overheads are larger on the oldest timed GPU generation than on the newest one.

    The same networks are compared: all that both have timed. The effect is the geometric mean of the quotients.
    """
    found = _by_hardware(overhead)
    entries = {hardware: entry(hardware) for hardware in found}
    age = {name: float(e.compute_capability) for name, e in entries.items() if e.is_cuda}
    if len(set(age.values())) < 2:
        return
    old, new = min(age, key=lambda name: age[name]), max(age, key=lambda name: age[name])
    common = [name for name in found[old] if name in found[new]]
    context = f"{old} against {new}"
    if not common:
        yield Verdict("", context, NOT_MEASURED, note="no network was timed on both")
        return
    differences = [_difference(found[old][name], found[new][name]) for name in common]
    logs = {f"{name} on {hardware}": found[hardware][name] for hardware in (old, new) for name in common}
    networks = common[0] if len(common) == 1 else f"mean over {len(common)} networks"
    yield _above(f"{context}: {networks}", [_average(differences)], 1, logs, LARGER)


def claim_16(overhead: pd.DataFrame) -> Iterator[Verdict]:
    """Judge, on each CUDA GPU, whether the largest overhead is explained by kernels that run in only one arm.

    The arms are the default arm and the deterministic arm. Each process profiled one pass, which gives one share.
    """
    for hardware, logs in _by_hardware(overhead).items():
        if not entry(hardware).is_cuda:
            continue  # the claim is about cuDNN's kernels
        network = _most(logs)
        context = f"{network} on {hardware}"
        here = overhead[(overhead["hardware"] == hardware) & (overhead["network"] == network)]
        shares = _shares(overhead_frame.kernel_times(here))
        if shares is None:
            yield Verdict("", context, NOT_MEASURED, note="the profiler reported no kernels of both arms")
        elif np.isnan(shares).any() or stats.simultaneous([_mean(logs[network])], 1)[0].low <= 0:
            note = "determinism may cost nothing here, so there is nothing to explain"
            yield Verdict("", context, NOT_DECIDED, n=len(shares), note=note)
        else:
            (found,) = stats.simultaneous([_mean(shares)], 1)
            verdict = REPRODUCED if found.low >= MOST else NOT_REPRODUCED if found.high < MOST else NOT_DECIDED
            p, note = stats.p_value(found, MOST), "" if len(shares) > 1 else "one profiled pass has no interval"
            ps = _both(p, found.value >= MOST)
            yield Verdict("", context, verdict, *found[:3], len(shares), False, *ps, note)


def published_maxima() -> dict[str, float]:
    """Return the largest overhead that the paper reports for each GPU. The keys are names of hardware entries.

    The values come from catalog/published.csv, which contains only verified numbers.
    """
    table = pd.read_csv(WORKFLOW / "catalog" / "published.csv", dtype=str)
    ratios = table[(table["item"] == "C12") & (table["unit"] == "1")]
    names = {found["title"]: name for name, found in catalog("hardware").items()}
    return {names[row.what.rsplit(" ", 1)[1]]: float(row.value) for row in ratios.itertuples()}


def _by_hardware(overhead: pd.DataFrame) -> dict[str, Logs]:
    """Return, for each hardware entry, the overhead of each network in each process, as logarithms."""
    found: dict[str, Logs] = {}
    for (hardware, network), part in overhead.groupby(overhead_frame.KEY, sort=False):
        if ratios := overhead_frame.block_ratios(part, DETERMINISTIC, REFERENCE):
            found.setdefault(str(hardware), {})[str(network)] = stats.log_ratios(ratios)
    return found


def _mean(values: np.ndarray) -> stats.Estimate:
    """Estimate a mean over processes; one process has no interval."""
    if len(values) == 1:
        return stats.Estimate(float(values[0]), np.nan, np.nan)
    return stats.mean(values)


def _difference(first: np.ndarray, second: np.ndarray) -> stats.Estimate:
    """Estimate the difference of two means over processes (Welch); one process has no interval."""
    if min(len(first), len(second)) == 1:
        return stats.Estimate(float(first.mean() - second.mean()), np.nan, np.nan)
    return stats.mean_difference(first, second)


def _average(estimates: Sequence[stats.Estimate]) -> stats.Estimate:
    """Return the mean of independent estimates. The degrees of freedom are those of Welch and Satterthwaite."""
    if len(estimates) == 1:
        return estimates[0]
    variances = np.array([estimate.error**2 for estimate in estimates])
    freedoms = np.array([estimate.freedom for estimate in estimates])
    varying = variances > 0
    freedom = variances.sum() ** 2 / (variances[varying] ** 2 / freedoms[varying]).sum() if varying.any() else np.nan
    value = float(np.mean([estimate.value for estimate in estimates]))
    return stats.Estimate(value, np.nan, np.nan, float(np.sqrt(variances.sum()) / len(estimates)), float(freedom))


def _largest(estimates: Sequence[stats.Estimate], comparisons: int) -> stats.Estimate:
    """Estimate the largest of several values. `error` and `freedom` are those of the largest estimate.

    If the intervals of all estimates hold at once, the largest value lies between the largest low end and the largest
    high end.
    """
    wide = stats.simultaneous(estimates, comparisons)
    top = max(wide, key=lambda estimate: estimate.value)
    return top._replace(low=max(e.low for e in wide), high=max(e.high for e in wide))


def _above(context: str, differences: Sequence[stats.Estimate], comparisons: int, logs: Logs, margin: float) -> Verdict:
    """Judge whether the largest of some quotients of overheads lies above a margin.

    Parameters
    ----------
    context : str
        What is compared, and where.
    differences : sequence of Estimate
        The logarithms of the quotients.
    comparisons : int
        The number of comparisons from which the largest was chosen.
    logs : dict
        The networks that are compared.
    margin : float
        The factor that the quotient must exceed. If its interval lies below, the claim is not reproduced.
    """
    found, bound = _largest(differences, comparisons), math.log(margin)
    effect, low, high = _exp(found)
    verdict = REPRODUCED if found.low > bound else NOT_REPRODUCED if found.high < bound else NOT_DECIDED
    n, note = _processes(logs)
    p, note = _p_of_largest(differences, bound, comparisons), join_notes(note, _decidable(n, comparisons, logs, margin))
    return Verdict("", context, verdict, effect, low, high, n, False, *_both(p, found.value > bound), note)


def _both(p: float, in_favour: bool) -> tuple[float, float]:
    """Return the p-values of `reproduced` and `not reproduced`, given p and whether the effect favours the claim."""
    other = math.nan if math.isnan(p) else 1.0
    return (p, other) if in_favour else (other, p)


def _p_of_largest(estimates: Sequence[stats.Estimate], bound: float, comparisons: int) -> float:
    """Return the p-value, with Bonferroni's correction, of whether the largest of several values differs from a bound.

    The largest is above the bound if any value is, and below it if all values are. The p-value is NaN if a value has no
    standard error.
    """
    above = [stats.p_value(estimate, bound) for estimate in estimates if estimate.value > bound]
    p = np.min(above) if above else np.max([stats.p_value(estimate, bound) for estimate in estimates])
    return float(np.minimum(1.0, comparisons * p))


def _exp(estimate: stats.Estimate) -> tuple[float, float, float]:
    return math.exp(estimate.value), math.exp(estimate.low), math.exp(estimate.high)


def _most(logs: Logs) -> str:
    """Return the name of the network with the largest overhead."""
    return max(logs, key=lambda name: float(logs[name].mean()))


def _decidable(n: int, comparisons: int, logs: Logs, margin: float) -> str:
    """State how much the overhead of a network may vary between processes, so that n processes can decide a claim.

    The limit follows from n, the number of comparisons and the margin alone, and is known before anything is timed: up
    to it, half the width of an interval is less than the margin.
    """
    if n < stats.FEWEST:
        return f"cannot be decided with n = {n}; at least {stats.FEWEST} processes are needed"
    critical = stats.student_quantile(2 * (n - 1), 1 - ALPHA / comparisons)
    limit = math.expm1(math.log(margin) / critical / math.sqrt(2 / n))
    measured = math.expm1(max(values.std(ddof=1) for values in logs.values()))
    return (
        f"n = {n} can decide a factor of {margin:g} if overheads vary between processes by at most {limit:.1%} (std); "
        f"here at most {measured:.1%}"
    )


def _processes(logs: Logs) -> tuple[int, str]:
    """Return the smallest number of processes of some networks, and a note if there is only one."""
    n = min(len(values) for values in logs.values())
    return n, overhead_frame.ONE_PROCESS if n == 1 else ""


def _shares(times: pd.DataFrame) -> np.ndarray | None:
    """Return, for each process, the share of the difference in kernel time that kernels of one arm alone explain.

    A share is NaN if the kernel times of both arms count as equal. The result is None if an arm has no kernels.
    """
    if times.empty or (times.sum() == 0).any():
        return None
    shares = []
    for _, part in times.groupby(level="process"):
        change = part[DETERMINISTIC] - part[REFERENCE]
        alone = (part[DETERMINISTIC] == 0) | (part[REFERENCE] == 0)
        comparable = abs(change.sum()) > overhead_frame.SAME_TIME * part[REFERENCE].sum()
        shares.append(change[alone].sum() / change.sum() if comparable else np.nan)
    return np.array(shares)


TESTS: dict[str, Callable[[pd.DataFrame], Iterator[Verdict]]] = {
    "C12": claim_12,
    "C13": claim_13,
    "C14": claim_14,
    "C15": claim_15,
    "C16": claim_16,
}
