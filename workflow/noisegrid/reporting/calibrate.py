"""How often the verdicts on a study err: its claims are judged again on simulated studies whose truth is known.

A simulated study has the images, the instability, the classes, the seed sets and the number of replicates of the
measured one. The size of a verdict is how often it is given where it is false, and its power how often it is given
where it is true. Both are about verdicts before Holm's correction, which makes them rarer. The module `truths` has the
truths that are simulated.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from noisegrid import stats
from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import csv_text, write_text
from noisegrid.common.paths import StudyPaths
from noisegrid.common.progress import Progress
from noisegrid.measuring.rows import COLUMNS as METRICS_COLUMNS
from noisegrid.measuring.rows import Row
from noisegrid.measuring.simulate import population
from noisegrid.records.belonging import check_belongs
from noisegrid.records.record import Replicate, read
from noisegrid.reporting.claims import judge
from noisegrid.reporting.metrics_frame import provenance
from noisegrid.reporting.tables import write_table
from noisegrid.reporting.truths import SIMULATED, Cells, Measured, Truth, Word
from noisegrid.reporting.verdicts import NOT_MEASURED, Verdict
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
