"""Test examples: find the score of each example in a table, and put those of several runs together."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from noisegrid.common.escape import terminal
from noisegrid.reading.cells import are_zero_or_one, is_missing, is_text
from noisegrid.reading.grouping import Group
from noisegrid.reading.naming import ACCURACY, CORRECT, FILES, IDS, LABELS, PREDICTED, matching, usual
from noisegrid.reading.runs import CannotJudge, Examples
from noisegrid.reading.selection import texts
from noisegrid.reading.table import Choice, Table
from noisegrid.reading.values import OF_AN_EXAMPLE, finite, metric_column, row, shortened

Array = np.ndarray


class Columns(NamedTuple):
    """The columns of a table that has one row per test example.

    Attributes
    ----------
    metric : str
        The name of the metric.
    score : str or None
        The column with the score of each example; None if it is whether the predicted class is the true one.
    correct : bool
        Whether the scores say whether a prediction is correct.
    id, predicted, label : str or None
        The columns with the ids, the predicted classes and the true ones. The last two are both there, or both None.
    """

    metric: str
    score: str | None
    correct: bool
    id: str | None
    predicted: str | None
    label: str | None


class Scores(NamedTuple):
    """The scores of the examples of one run, with their ids, predicted and true classes, where they are known."""

    scores: Array
    ids: Array | None
    predicted: Array | None
    labels: Array | None


def find_columns(table: Table, choice: Choice, runs: Sequence[Group]) -> Columns | None:
    """Find the columns of a table with one row per test example; None if the table has no such rows.

    Parameters
    ----------
    table : Table
        The table.
    choice : Choice
        What is to be read.
    runs : sequence of Group
        The runs of the table.
    """
    identity = next((name for name in IDS if name in table.columns), None)
    predicted, label = usual(PREDICTED, table), usual(LABELS, table)
    if predicted is None or label is None:
        predicted = label = None
    correct = usual(CORRECT, table)
    if correct is not None and not are_zero_or_one(table[correct]):
        correct = None
    known = correct is not None or predicted is not None
    if known and identity is None:
        identity = _file_names(table, runs)
    wanted = [] if choice.metric is None else matching(choice.metric, table)
    if known and not wanted and _is_accuracy(choice.metric):
        return Columns(choice.metric or "accuracy", correct, True, identity, predicted, label)
    if wanted == [correct]:
        return Columns("accuracy", correct, True, identity, predicted, label)
    if not known and (identity is None or len(table) == 1 or (len(runs) > 1 and _differ(table[identity]))):
        return None
    score = metric_column(table, choice, of_examples=True)
    return Columns(score, score, table[score].dtype.kind == "b", identity, predicted, label)


def _file_names(table: Table, runs: Sequence[Group]) -> str | None:
    """Return the column with a different file for each example of a run."""
    known = {name.casefold(): name for name in table.columns}
    for name in (known[each] for each in FILES if each in known):
        files = table[name]
        if not is_missing(files).any() and all(_differ(files[run.places]) for run in runs):
            return name
    return None


def _is_accuracy(metric: str | None) -> bool:
    """Return whether the share of correct predictions is wanted."""
    return metric is None or any(matching(name, [metric]) for name in ACCURACY)


def scores_of(table: Table, columns: Columns) -> Scores:
    """Return the scores of the examples of one run, which has all rows of the table.

    Raises
    ------
    CannotJudge
        If a score, id or class is missing, or if two examples have the same id.
    """
    predicted, labels = (None if name is None else table[name] for name in (columns.predicted, columns.label))
    if columns.score is None:
        assert predicted is not None and labels is not None
        _check_classes(table, (columns.predicted, columns.label))
        scores = _equal(predicted, labels)
    else:
        scores = finite(table, columns.score, columns.metric, OF_AN_EXAMPLE)
        scores = scores.astype(bool) if columns.correct else scores
    if any(cells is not None and _no_classes(cells).any() for cells in (predicted, labels)):
        predicted = labels = None  # of a regression
    return Scores(scores, None if columns.id is None else _ids(table, columns.id), predicted, labels)


def together(names: Sequence[str], runs: Sequence[Scores]) -> Examples:
    """Put the examples of the runs of one side together, in the order of the first run.

    Raises
    ------
    CannotJudge
        If the runs do not have the same examples, with the same labels.
    """
    first = runs[0]
    if len(first.scores) < 2:
        raise CannotJudge(f"{terminal(names[0])} has a single test example; give it the results of the whole test set")
    runs = [first, *(_in_order(run, name, first, names[0]) for name, run in zip(names[1:], runs[1:], strict=True))]
    scores = np.array([run.scores for run in runs])
    if any(run.predicted is None for run in runs):
        return Examples(scores, first.ids)
    index: dict[str, int] = {}
    labels = [_codes(run.labels, index) for run in runs]
    for name, its_labels in zip(names[1:], labels[1:], strict=True):
        if differing := int((its_labels != labels[0]).sum()):
            raise CannotJudge(
                f"{differing:,} of {len(its_labels):,} examples have another label in {terminal(name)} than in "
                f"{terminal(names[0])}; give all runs the same test set in the same order, or a column `id`"
            )
    true_classes = len(index)
    predicted = np.array([_codes(run.predicted, index) for run in runs])
    if predicted.min() >= true_classes:
        kinds = [_first(cells) for cells in (first.predicted, first.labels) if cells is not None]
        raise CannotJudge(
            f"no predicted class of {terminal(names[0])} is among the labels, such as {kinds[0]!r} and {kinds[1]!r}; "
            "write both in the same way"
        )
    return Examples(scores, first.ids, predicted, labels[0], tuple(index))


def places_of(ids: Array, among: Array) -> tuple[Array, int]:
    """Return where each id is among other ids without duplicates, and how many of them are there."""
    if np.array_equal(ids, among):
        return np.arange(len(ids)), len(ids)
    if ids.dtype.kind != among.dtype.kind:
        ids, among = (np.array(texts(of), object) for of in (ids, among))
    order = np.argsort(among)
    found = np.minimum(np.searchsorted(among, ids, sorter=order), len(among) - 1)
    places: Array = order[found]
    return places, int((among[places] == ids).sum())


def _in_order(run: Scores, name: str, first: Scores, first_name: str) -> Scores:
    """Return the scores of a run in the order of the examples of the first run."""
    sides = f"{terminal(first_name)} has {len(first.scores):,} examples and {terminal(name)} has {len(run.scores):,}"
    if first.ids is None or run.ids is None:
        if len(run.scores) != len(first.scores) or first.ids is not run.ids:
            raise CannotJudge(f"{sides}, and not both have ids; give all runs the same test set, or a column `id`")
        return run
    places, count = places_of(first.ids, run.ids)
    if not count == len(first.ids) == len(run.ids):
        such = "" if count else f" (such as {_first(first.ids)!r} and {_first(run.ids)!r})"
        raise CannotJudge(f"{sides}, of which {count:,} match by id{such}; give all runs the same test set")
    ids, predicted, labels = (None if values is None else values[places] for values in run[1:])
    return Scores(run.scores[places], ids, predicted, labels)


def _first(cells: Array) -> str:
    return shortened(texts(cells[:1])[0])


def _ids(table: Table, column: str) -> Array:
    ids = table[column]
    missing = np.flatnonzero(is_missing(ids))
    if len(missing):
        raise CannotJudge(f"the {terminal(column)} of {row(table, int(missing[0]))} is empty; give each example its id")
    if not _differ(ids):
        places: dict[object, int] = {}
        for place, each in enumerate(ids.tolist()):
            if places.setdefault(each, place) != place:
                raise CannotJudge(
                    f"{row(table, places[each])} and row {table.number(place)} have the same {terminal(column)}, "
                    f"{shortened(str(each))!r}; keep one row per example, and name the column that tells runs apart "
                    "`run`, or choose one run with --where"
                )
    return np.asarray(ids)


def _differ(cells: Array) -> bool:
    """Return whether no two cells are the same."""
    return len(set(cells.tolist())) == len(cells)


def _check_classes(table: Table, columns: Iterable[str | None]) -> None:
    """Raise CannotJudge if a cell of the predicted or true classes is empty, or a number that is no class."""
    for column in filter(None, columns):
        cells = table[column]
        if len(bad := np.flatnonzero(_no_classes(cells))):
            value = texts(cells[bad[:1]])[0]
            raise CannotJudge(
                f"{row(table, int(bad[0]))} has {repr(shortened(value)) if value else 'nothing'} in column "
                f"{terminal(column)!r}, which is no class; write a class for each example, or name a column of "
                "scores with --metric"
            )


def _no_classes(cells: Array) -> Array:
    """Return which cells are no class: those that are empty, and numbers with decimals."""
    if cells.dtype.kind != "f":
        return is_missing(cells)
    numbers = np.asarray(cells)
    return is_missing(cells) | (numbers != np.round(numbers))


def _equal(predicted: Array, labels: Array) -> Array:
    """Return which predicted classes are the true ones."""
    if not (is_text(predicted) or is_text(labels)):
        return np.asarray(predicted == labels)
    return np.array([one == other for one, other in zip(texts(predicted), texts(labels), strict=True)], bool)


def _codes(cells: Array | None, index: dict[str, int]) -> Array:
    """Return the places of classes in an index, which is extended by those that it does not have."""
    assert cells is not None
    if is_text(cells):
        return np.array([index.setdefault(text, len(index)) for text in texts(cells)], np.int32)
    values, inverse = np.unique(cells, return_inverse=True)
    codes = np.array([index.setdefault(text, len(index)) for text in texts(values)], np.int32)
    return codes[inverse]
