"""The truths that are simulated for each claim, and the cells that each of them needs.

For each of the words `reproduced` and `not reproduced` there are two: one truth in which the word is false, as near as
possible to where it would be true, and one in which it is true. That one has the effect that was measured, if this
effect makes the word true.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from noisegrid import stats
from noisegrid.measuring.simulate import Population
from noisegrid.reporting.claims import judge
from noisegrid.reporting.claims_statistics import SAME_LEVEL, SAME_MEAN_POINTS, SAME_ORDER
from noisegrid.reporting.metrics_frame import batch_norm_counterparts
from noisegrid.reporting.verdicts import NOT_REPRODUCED, REPRODUCED, Verdict
from noisegrid.runtime.hardware import is_mixed_precision

Cells = list[Population]


@dataclass(frozen=True)
class Truth:
    """A truth that can be simulated.

    Attributes
    ----------
    about : str
        What is true, in words.
    cells : list of Population
        The populations of the cells that the claim needs.
    """

    about: str
    cells: Cells


@dataclass(frozen=True)
class Word:
    """A verdict whose rates are wanted, a truth in which it is false, and one in which it is true."""

    word: str
    false: Truth
    true: Truth


@dataclass(frozen=True)
class Measured:
    """The metrics of a study, with the populations of its cells."""

    frame: pd.DataFrame
    cells: Cells

    def get(self, **names: str) -> Cells:
        """Return the populations with the given hardware, task or noise."""
        return [cell for cell in self.cells if all(cell.about[key] == name for key, name in names.items())]

    def values(self, key: str) -> list[str]:
        """Return the distinct values of `hardware` or `task`, in the study's order."""
        return list(dict.fromkeys(cell.about[key] for cell in self.cells))

    @property
    def places(self) -> list[dict[str, str]]:
        """The pairs of hardware and task, as arguments of `get`."""
        pairs = dict.fromkeys((cell.about["hardware"], cell.about["task"]) for cell in self.cells)
        return [{"hardware": hardware, "task": task} for hardware, task in pairs]

    def verdict(self, claim: str, cells: Cells) -> Verdict:
        """Return the verdict on a claim in the context that some cells make up."""
        keys = ["hardware", "task", "noise"]
        wanted = pd.MultiIndex.from_tuples([tuple(cell.about[key] for key in keys) for cell in cells])
        here = self.frame[self.frame[keys].astype(str).set_index(keys).index.isin(wanted)]
        (verdict,) = judge(here, claims=[claim])
        return verdict


# --- the cells of each context ---------------------------------------------------------------------------------------


def _same_place(*noise: str) -> Callable[[Measured], Iterator[Cells]]:
    """Return a function that yields the cells of some noises, for each task on each kind of hardware that has all."""

    def cells_of(measured: Measured) -> Iterator[Cells]:
        for place in measured.places:
            cells = [cell for name in noise for cell in measured.get(noise=name, **place)]
            if len(cells) == len(noise):
                yield cells

    return cells_of


def _with_groups(measured: Measured) -> Iterator[Cells]:
    yield from ([cell] for cell in measured.get(noise="algo_impl") if cell.measured.groups)


def _with_and_without_batch_norm(measured: Measured) -> Iterator[Cells]:
    for hardware, task, plain in batch_norm_counterparts(measured.frame):
        cells = [c for name in (task, plain) for c in measured.get(hardware=hardware, task=name, noise="algo_impl")]
        if len(cells) == 2:
            yield cells


def _all_tasks(measured: Measured) -> Iterator[Cells]:
    found = (measured.get(hardware=name, noise="algo_impl") for name in measured.values("hardware"))
    yield from (cells for cells in found if len(cells) > 1)


def _all_hardware(measured: Measured) -> Iterator[Cells]:
    found = (measured.get(task=name, noise="impl") for name in measured.values("task"))
    yield from (cells for cells in found if len(cells) > 1)


def _devices(measured: Measured) -> Iterator[Cells]:
    for cells in _all_hardware(measured):
        sized = [cell for cell in cells if cell.multiprocessors and not is_mixed_precision(cell.about["hardware"])]
        if len(sized) > 1:
            yield sized


# --- the truths of each claim ----------------------------------------------------------------------------------------


def same_order(verdict: Verdict, cells: Cells) -> list[Word]:
    """Return the truths of C2: the ratio of two churns within or beyond the factor SAME_ORDER."""
    ratio = verdict.effect
    margin = SAME_ORDER if ratio > 1 else 1 / SAME_ORDER
    inside = 1 / SAME_ORDER < ratio < SAME_ORDER
    edge, within, beyond = (_ratio(cells, r) for r in (margin, ratio if inside else 1, margin**2 if inside else ratio))
    return [Word(REPRODUCED, edge, within), Word(NOT_REPRODUCED, edge, beyond)]


def same_mean(verdict: Verdict, cells: Cells) -> list[Word]:
    """Return the truths of C3: three mean accuracies that differ by less or more than SAME_MEAN_POINTS.

    The claim is about all seeds. Each seed set therefore has a mean of its own, which varies as runs of `algo` do.
    """
    algo_impl, algo, impl = cells
    cells = [algo_impl, algo, replace(impl, set_spread=_between_sets(algo, impl))]
    largest, inside = abs(verdict.effect), abs(verdict.effect) < SAME_MEAN_POINTS
    edge, within, beyond = (
        _apart(cells, points)
        for points in (SAME_MEAN_POINTS, largest if inside else 0, 2 * SAME_MEAN_POINTS if inside else largest)
    )
    return [Word(REPRODUCED, edge, within), Word(NOT_REPRODUCED, edge, beyond)]


def _between_sets(algo: Population, impl: Population) -> float:
    """Return the standard deviation of the mean of a seed set, as a fraction of all answers."""
    if impl.sets > 1:
        return algo.run_spread  # that errors on different units vary from set to set is simulated anyway
    spreads = [float(stats.spread(cell.measured.correct.mean(axis=1))) for cell in (algo, impl)]
    return float(np.sqrt(max(0.0, spreads[0] ** 2 - spreads[1] ** 2)))


def beyond_null(verdict: Verdict, cells: Cells) -> list[Word]:
    """Return the truths of C4: the accuracy of the most variable class exceeds independent errors by a factor."""
    (cell,) = cells
    classes = cell.measured.class_of
    return _beyond_null(cell, [classes == label for label in np.unique(classes)], verdict.effect, "a class")


def sub_group_beyond_null(verdict: Verdict, cells: Cells) -> list[Word]:
    """Return the truths of C5: the same about the positives of the smallest sub-group."""
    (cell,) = cells
    groups, target = cell.measured.groups, int(cell.measured.groups["target"])
    positive = cell.measured.labels[:, target].astype(bool)
    masks = groups["group"].astype(bool).T & positive
    part = np.zeros(cell.measured.labels.shape, bool)
    part[:, target] = masks[int(masks.sum(axis=1).argmin())]
    return _beyond_null(cell, [part.ravel()], _over_null(cell, part.ravel()), "the smallest sub-group")


def _beyond_null(cell: Population, parts: list[np.ndarray], effect: float, what: str) -> list[Word]:
    part = max(parts, key=lambda part: _over_null(cell, part))
    alone = replace(cell, run_spread=0.0)

    def truth(ratio: float) -> Truth:
        about = "independent errors" if ratio <= 1 else f"std of {what} = {ratio:.3g} times that of independent errors"
        return Truth(about, [alone.with_spread(ratio, part)])

    independent, edge, measured = truth(1), truth(SAME_LEVEL), truth(effect if effect > 1 else SAME_LEVEL)
    return [Word(REPRODUCED, independent, measured), Word(NOT_REPRODUCED, edge, independent)]


def _over_null(cell: Population, part: np.ndarray) -> float:
    """Return the standard deviation of a part's accuracy over that of independent errors; 0 if the part is stable."""
    correct = cell.measured.correct[:, part]
    null = float(stats.null_variance(correct, stats.whole(correct.shape[1]))[0])
    return float(stats.spread(correct.sum(axis=1))) / np.sqrt(null) if null else 0.0


def lower(verdict: Verdict, cells: Cells) -> list[Word]:
    """Return the truths of C6: churn with batch norm is below that without, or not."""
    ratio = verdict.effect
    equal, edge = _ratio(cells, 1), _ratio(cells, 1 / SAME_LEVEL)
    below, above = _ratio(cells, ratio if ratio < 1 else 1 / SAME_LEVEL), _ratio(cells, max(ratio, 1))
    return [Word(REPRODUCED, equal, below), Word(NOT_REPRODUCED, edge, above)]


def differ(verdict: Verdict, cells: Cells) -> list[Word]:
    """Return the truths of C7 and C8: all churns are equal, or one is below the others."""
    noisy = _all_noisy(cells)
    least = min(cell.churn for cell in noisy)
    smallest = min(range(len(cells)), key=lambda index: noisy[index].churn)
    equal = Truth("all churns equal", [cell.with_churn(least) for cell in noisy])
    apart = [cell.with_churn(least / (SAME_LEVEL if k == smallest else 1)) for k, cell in enumerate(noisy)]
    edge = Truth(f"largest / smallest churn = {SAME_LEVEL:.3g}", apart)
    measured = Truth(f"largest / smallest churn = {verdict.effect:.3g}", cells)
    return [Word(REPRODUCED, equal, measured), Word(NOT_REPRODUCED, edge, equal)]


def trend(verdict: Verdict, cells: Cells) -> list[Word]:
    """Return the truths of C10: the measured churns in rising or falling order, or equal churns."""
    by_size = sorted(cells, key=lambda cell: cell.multiprocessors or 0)
    levels = sorted(cell.churn for cell in cells)
    noisiest = max(cells, key=lambda cell: cell.churn)

    def truth(about: str, churns: list[float]) -> Truth:
        return Truth(about, [c.like(noisiest).with_churn(churn) for c, churn in zip(by_size, churns, strict=True)])

    equal = truth("all churns equal", [levels[-1]] * len(cells))
    rising, falling = truth("the measured churns, rising", levels), truth("the measured churns, falling", levels[::-1])
    return [Word(REPRODUCED, equal, rising), Word(NOT_REPRODUCED, equal, falling)]


def _ratio(cells: Cells, ratio: float) -> Truth:
    """Return the truth in which the churn of the first cell is `ratio` times that of the second.

    The churn of one of the two is lowered.
    """
    first, second = _all_noisy(cells)
    if first.churn > ratio * second.churn:
        first = first.with_churn(ratio * second.churn)
    else:
        second = second.with_churn(first.churn / ratio)
    return Truth(f"ratio of churns = {ratio:.3g}", [first, second])


def _all_noisy(cells: Cells) -> Cells:
    """Return the cells, of which those without churn get the instability of the noisiest one."""
    noisiest = max(cells, key=lambda cell: cell.churn)
    return [cell if cell.churn else cell.like(noisiest) for cell in cells]


def _apart(cells: Cells, points: float) -> Truth:
    """Return the truth in which the first of three mean accuracies is `points` above the others, by moving all down."""
    least = min(cell.accuracy for cell in cells)
    low = max(0.0, least - points / 100)
    moved = [cell.with_accuracy(low + (points / 100 if k == 0 else 0.0)) for k, cell in enumerate(cells)]
    return Truth(f"largest difference of means = {points:.3g} points", moved)


#: For each claim that is simulated: its cells in each context, the truths, and the slow rows that it needs.
SIMULATED: dict[
    str,
    tuple[Callable[[Measured], Iterator[Cells]], Callable[[Verdict, Cells], list[Word]], dict[str, bool]],
] = {
    "C2": (_same_place("impl", "algo"), same_order, {}),
    "C3": (_same_place("algo_impl", "algo", "impl"), same_mean, {}),
    "C4": (_same_place("algo_impl"), beyond_null, {"classes": True}),
    "C5": (_with_groups, sub_group_beyond_null, {"groups": True}),
    "C6": (_with_and_without_batch_norm, lower, {}),
    "C7": (_all_tasks, differ, {}),
    "C8": (_all_hardware, differ, {}),
    "C10": (_devices, trend, {}),
}
