"""The runs of a table: one for each row, or for each history, or for each set of test examples."""

from collections import Counter
from typing import NamedTuple

from noisegrid.common.escape import terminal
from noisegrid.reading.cells import are_zero_or_one
from noisegrid.reading.examples import Columns, Scores, find_columns, scores_of
from noisegrid.reading.grouping import Group, groups
from noisegrid.reading.history import last_values, step_column
from noisegrid.reading.naming import RUN_IDS, run_columns, seed_column
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.selection import select, texts
from noisegrid.reading.states import check_finished
from noisegrid.reading.table import CONDITION, UNNAMED, Choice, Table
from noisegrid.reading.values import OF_A_RUN, finite, metric_column, metric_name, row


class Run(NamedTuple):
    """A run of a table: its name, its seed, and its result or the scores of its test examples."""

    name: str
    seed: str | None
    value: float | None = None
    scores: Scores | None = None


class Found(NamedTuple):
    """The runs of a table: the name of the metric, what the results are, the number of rows, and the runs."""

    metric: str
    what: str
    rows: int
    runs: list[Run]


def runs_of(table: Table, choice: Choice) -> Found:
    """Return the runs of a table.

    If the table has several steps of a run, the result of the run is the last value. If it has one row per test
    example, the result is the mean. Otherwise each row is a run.

    Raises
    ------
    CannotJudge
        If the table does not have what is to be read.
    """
    whole, table = table, select(table, choice.where)
    seeds = seed_column(table, choice.seed)
    runs = groups(table, seeds)
    columns = find_columns(table, choice, runs)
    if columns is None:
        check_finished(table, whole, choice)
        found = _of_results(table, choice, seeds, runs)
    else:
        found = _of_examples(table, columns, runs)
    if choice.seed is not None and (without := [run.name for run in found.runs if run.seed is None]):
        raise CannotJudge(f"{terminal(without[0])} has no {terminal(choice.seed)}; write the seed of each run")
    condition = table.constants.get(CONDITION)
    return found._replace(what=f"{found.what}, {terminal(condition)}") if condition else found


def _of_examples(table: Table, columns: Columns, runs: list[Group]) -> Found:
    scores = [scores_of(table.at(run.places), columns) for run in runs]
    kind = "correctness" if columns.correct else f"column {columns.score!r}"
    what = f"{'predictions' if columns.score is None else kind} of {len(scores[0].scores):,} examples"
    found = [Run(run.name, run.seed, scores=each) for run, each in zip(runs, scores, strict=True)]
    return Found(columns.metric, what, len(table), found)


def _of_results(table: Table, choice: Choice, seeds: str | None, runs: list[Group]) -> Found:
    column = metric_column(table, choice)
    metric = metric_name(column, choice)
    if (step := step_column(table, column, runs)) is not None:
        results, what = last_values(table, column, metric, step, runs)
        found = [Run(run.name, run.seed, value) for run, value in zip(runs, results, strict=True)]
        return Found(metric, what, len(table), found)
    _check_ids(table)
    values = finite(table, column, metric, OF_A_RUN)
    if are_zero_or_one(values) and any(len(run.places) > 1 for run in runs):
        raise CannotJudge(
            f"column {terminal(column)!r} of {terminal(table.origin)} has zeros and ones alone; if each row is a test "
            "example, add a column `id` or name the scores `correct`; if each row is a run, add a column `run`"
        )
    its_seeds = texts(table[seeds]) if seeds else [""] * len(table)
    found = [
        Run(name, seed or None, float(value))
        for name, seed, value in zip(_row_names(table), its_seeds, values, strict=True)
    ]
    return Found(metric, "numbers" if column == UNNAMED else f"column {column!r}", len(table), found)


def _row_names(table: Table) -> list[str]:
    """Return the name of the run in each row: that of the tracker, or the number of the row, or both."""
    rows = [row(table, place) for place in range(len(table))] if len(table) > 1 else [table.origin]
    named = run_columns(table)
    if not named:
        return rows
    names = texts(table[named[0]])
    counts = Counter(names)
    return [
        name if name and counts[name] == 1 else f"{name} ({place})" if name else place
        for name, place in zip(names, rows, strict=True)
    ]


def _check_ids(table: Table) -> None:
    """Raise CannotJudge if two rows have the same id of a run, because a run counts once."""
    for column in (name for name in RUN_IDS if name in table.columns):
        places: dict[str, int] = {}
        for place, text in enumerate(texts(table[column])):
            if text and places.setdefault(text, place) != place:
                raise CannotJudge(
                    f"{row(table, places[text])} and row {table.number(place)} are of the same {terminal(column)}, "
                    f"{terminal(text)!r}; keep one row per run, or choose rows with --where"
                )
