"""How often the verdicts on a study err: its claims are judged again on simulated studies whose truth is known.

A simulated study has the images, the instability, the classes, the seed sets and the number of replicates of the
measured one. For each of the words `reproduced` and `not reproduced`, two truths are simulated: one in which the word
is false, as near as possible to where it would be true, and one in which it is true, with the effect that was measured
if that effect makes the word true. The size is how often the word is given where it is false, and the power how often
it is given where it is true. Both are about verdicts before Holm's correction, which makes the words rarer.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from noisegrid import stats
from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import csv_text, write_text
from noisegrid.common.paths import StudyPaths
from noisegrid.common.progress import Progress
from noisegrid.measuring.cell import COLUMNS as METRICS_COLUMNS
from noisegrid.measuring.cell import Row
from noisegrid.measuring.simulate import Population, population
from noisegrid.records.record import Replicate, check_belongs, read
from noisegrid.reporting.claims import SAME_LEVEL, SAME_MEAN_POINTS, SAME_ORDER, judge
from noisegrid.reporting.metrics_frame import batch_norm_counterparts, provenance
from noisegrid.reporting.tables import write_table
from noisegrid.reporting.verdicts import NOT_MEASURED, NOT_REPRODUCED, REPRODUCED, Verdict
from noisegrid.runtime.hardware import is_mixed_precision
from noisegrid.study.study import Cell, Study

COLUMNS = (
    *("claim", "context", "verdict", "word", "size", "size_low", "size_high", "where_false"),
    *("power", "power_low", "power_high", "where_true", "draws", "n", "note"),
)
CAPTION = (
    "How often each verdict would be given in studies like this one (simulated, with its n, images and instability): "
    "size where the word is false, power where it is true, with exact 95 % binomial intervals; before Holm's correction"
)
#: C4 and C5 draw a null for every simulated study, which takes most of the time: they get this share of the draws.
SHARE_WITH_NULL = 0.25
FACTS = ("C1", "C9", "C11")
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
class Context:
    """A claim in one context, and what is simulated there.

    Attributes
    ----------
    verdict : Verdict
        The verdict on the measured study.
    words : list of Word
        The verdicts whose rates are wanted; empty if the verdict is not calibrated.
    note : str
        Why it is not calibrated.
    rows : dict
        Which of the slow rows the claim needs (`classes`, `groups`).
    """

    verdict: Verdict
    words: list[Word] = field(default_factory=list)
    note: str = ""
    rows: dict[str, bool] = field(default_factory=dict)

    def draws(self, draws: int) -> int:
        """Return how many studies are simulated for each truth."""
        return max(1, round(draws * SHARE_WITH_NULL)) if self.rows else draws

    @property
    def truths(self) -> list[Truth]:
        """The truths, each of them once."""
        return list({truth.about: truth for word in self.words for truth in (word.false, word.true)}.values())


# --- the measured study ----------------------------------------------------------------------------------------------


def populations(study: Study, results: Path) -> Cells:
    """Estimate the population of every cell from its finished replicates.

    Cells without a finished replicate are left out.

    Raises
    ------
    NoisegridError
        If no replicate has finished, if a cell has only one, or if a replicate is damaged.
    """
    finished = {cell: finished_replicates(cell, results) for cell in study.cells}
    if not any(finished.values()):
        raise NoisegridError(
            f"{study.name}: no replicate has finished in {StudyPaths(str(results), study.name).folder}; run the study "
            "first, or give the folder of all results with --results"
        )
    return [population(cell, replicates) for cell, replicates in finished.items() if replicates]


def finished_replicates(cell: Cell, results: Path) -> list[Replicate]:
    """Read all finished replicates of a cell, and compare their checksums and settings."""
    folder = Path(StudyPaths(str(results), cell.study).replicates(cell.path))
    numbers = sorted(int(path.parent.name) for path in folder.glob("[0-9]*/record.json"))
    found = [read(folder / str(number)) for number in numbers if number < cell.replicates]
    for replicate in found:
        check_belongs(replicate.record, cell, replicate.folder)
    return found


# --- what is simulated -----------------------------------------------------------------------------------------------


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


def contexts(measured: Measured, overhead: pd.DataFrame | None) -> list[Context]:
    """Return every claim in every context that the study measures, and what is simulated there."""
    found = []
    for verdict in judge(measured.frame, overhead):
        if verdict.verdict == NOT_MEASURED or verdict.claim in SIMULATED:
            continue
        note = "a fact" if verdict.claim in FACTS else "not calibrated: step times are not simulated"
        found.append(Context(verdict, note=note))
    for claim, (cells_of, truths, rows) in SIMULATED.items():
        for cells in cells_of(measured):
            found.append(_context(measured.verdict(claim, cells), cells, truths, rows))
    return sorted(found, key=lambda context: int(context.verdict.claim[1:]))


def _context(
    verdict: Verdict, cells: Cells, truths: Callable[[Verdict, Cells], list[Word]], rows: dict[str, bool]
) -> Context:
    if verdict.proven:
        return Context(verdict, note="a fact")
    if np.isnan(verdict.effect):
        return Context(verdict, note=f"not calibrated: {verdict.note or 'the effect is undefined'}")
    return Context(verdict, truths(verdict, cells), rows=rows)


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


# --- rates -----------------------------------------------------------------------------------------------------------


def calibrate(measured: Measured, overhead: pd.DataFrame | None, draws: int, seed: int) -> list[Row]:
    """Return the rows of calibration.csv.

    Parameters
    ----------
    measured : Measured
        The metrics of the study, with the populations of its cells.
    overhead : pandas.DataFrame, optional
        The contents of overhead.csv, if the study times networks.
    draws : int
        The number of studies to simulate for each truth. C4 and C5 get the share SHARE_WITH_NULL of them.
    seed : int
        Seed of the random numbers. The same seed gives the same rows.
    """
    found = contexts(measured, overhead)
    progress = Progress(sum(c.draws(draws) * len(c.truths) for c in found), "calibrate", "simulated studies")
    rows, done = list[Row](), 0
    for place, context in enumerate(found):
        counts = {}
        for number, truth in enumerate(context.truths):
            rng, count = np.random.default_rng([seed, place, number]), Counter[str]()
            for _ in range(context.draws(draws)):
                count[_word(context, truth, rng)] += 1
                done += 1
                progress.show(done)
            counts[truth.about] = count
        rows += _rows(context, counts, context.draws(draws))
    return rows


def _word(context: Context, truth: Truth, rng: np.random.Generator) -> str:
    """Simulate one study, and return the verdict on the claim."""
    rows = [row for cell in truth.cells for row in cell.rows(rng, **context.rows)]
    frame = pd.DataFrame(rows, columns=list(METRICS_COLUMNS))
    (verdict,) = judge(frame, claims=[context.verdict.claim])
    return verdict.verdict


def _rows(context: Context, counts: dict[str, Counter[str]], draws: int) -> Iterator[Row]:
    """Yield a row for each word or, for a verdict that is not calibrated, one row with the reason."""
    verdict = context.verdict
    row: dict[str, Any] = {"claim": verdict.claim, "context": verdict.context, "verdict": verdict.verdict}
    row |= {"n": verdict.n, "note": context.note}
    if not context.words:
        yield row
    for word in context.words:
        here = row | {"word": word.word, "draws": draws}
        for name, where, truth in (("size", "where_false", word.false), ("power", "where_true", word.true)):
            rate = stats.share(counts[truth.about][word.word], draws)
            here |= {where: truth.about, name: rate.value, f"{name}_low": rate.low, f"{name}_high": rate.high}
        yield here


def write(rows: list[Row], frame: pd.DataFrame, paths: StudyPaths) -> None:
    """Write calibration.csv, and the table in all formats; `frame` is metrics.csv."""
    write_text(Path(paths.calibration), csv_text(rows, COLUMNS))
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"n": "Int64", "draws": "Int64"})
    write_table(table, f"{CAPTION}; {provenance(frame)}", Path(paths.table("calibration", "csv")))
