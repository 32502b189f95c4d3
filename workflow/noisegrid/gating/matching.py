"""Match the two sides of a comparison: runs by their seeds, and test examples by their ids."""

from dataclasses import replace

import numpy as np

from noisegrid.common.escape import terminal
from noisegrid.gating.checks import FEWEST
from noisegrid.reading.examples import places_of
from noisegrid.reading.runs import UNNAMED_METRIC, CannotJudge, Examples, Runs

Array = np.ndarray


def same_metric(base: Runs, new: Runs) -> tuple[Runs, Runs]:
    """Return both sides with the same metric. Numbers without a name have the one of the other side.

    Raises
    ------
    CannotJudge
        If the sides have different metrics.
    """
    if base.metric == UNNAMED_METRIC:
        base = replace(base, metric=new.metric)
    elif new.metric == UNNAMED_METRIC:
        new = replace(new, metric=base.metric)
    if base.metric != new.metric:
        raise CannotJudge(
            f"base has the metric {terminal(base.metric)!r} and new has {terminal(new.metric)!r}; choose one that both "
            "have with --metric"
        )
    return base, new


def pair_runs(base: Runs, new: Runs) -> tuple[Runs, Runs, bool, str]:
    """Pair the runs of two sides that have the same seed.

    Returns
    -------
    base, new : Runs
        The runs. If they are paired, those at the same place have the same seed, and the others are left out.
    paired : bool
        Whether the runs are paired: at least three seeds, and those of half of the runs, occur on both sides.
    note : str
        What a reader must know about this, or an empty string.
    """
    if base.seeds is None or new.seeds is None:
        return base, new, False, ""
    places = [{seed: index for index, seed in enumerate(side.seeds or ())} for side in (base, new)]
    common = [seed for seed in base.seeds if seed in places[1]]
    if len(common) < max(FEWEST, min(len(base), len(new)) / 2):
        note = f"only {len(common)} of the seeds occur on both sides, so the runs are not paired" if common else ""
        return base, new, False, note
    left = len(base) + len(new) - 2 * len(common)
    note = f"{left} runs have no partner with the same seed and are left out; --unpaired uses all runs" if left else ""
    if left == 1:
        note = note.replace("1 runs have", "1 run has").replace("are left", "is left")
    first, second = (
        take(side, [place[seed] for seed in common]) for side, place in zip((base, new), places, strict=True)
    )
    return first, second, True, note


def take(runs: Runs, places: list[int]) -> Runs:
    """Return the runs at some places."""
    if places == list(range(len(runs))):
        return runs
    examples = runs.examples
    if examples is not None:
        predicted = None if examples.predicted is None else examples.predicted[places]
        examples = replace(examples, scores=examples.scores[places], predicted=predicted)
    return replace(
        runs,
        values=runs.values[places],
        names=tuple(runs.names[place] for place in places),
        seeds=None if runs.seeds is None else tuple(runs.seeds[place] for place in places),
        examples=examples,
    )


def match_examples(base: Examples, new: Examples) -> tuple[Examples, Examples]:
    """Put the examples of the new runs into the order of those of the base runs, and give classes the same indices.

    Raises
    ------
    CannotJudge
        If there are fewer than two examples, or if the sides do not have the same examples, or not the same labels.
    """
    count, other = base.scores.shape[1], new.scores.shape[1]
    if count < 2:
        raise CannotJudge("base has a single example, which says nothing about others; give the results of more")
    if base.ids is not None and new.ids is not None:
        new = _reordered(new, _places(base.ids, new.ids))
    elif (known := base.ids if new.ids is None else new.ids) is not None and (np.sort(known) != known).any():
        side = "new" if new.ids is None else "base"
        raise CannotJudge(
            f"{side} has no ids of the examples, and those of the other side are not in order; add a column `id`"
        )
    elif count != other:
        raise CannotJudge(
            f"base has {count:,} examples and new has {other:,}, without ids; give both sides the same test set, or a "
            "column `id`"
        )
    base, new = _same_classes(base, new)
    if base.labels is not None and new.labels is not None:
        differing = np.flatnonzero(base.labels != new.labels)
        if len(differing):
            where = differing[0] if base.ids is None else base.ids[differing[0]]
            raise CannotJudge(
                f"{len(differing):,} of {count:,} examples have another label on the two sides, first example "
                f"{terminal(str(where))}; give both sides the same test set in the same order, or a column `id`"
            )
    return base, new


def _places(base: Array, new: Array) -> Array:
    """Return where each id of the base runs is among the ids of the new runs."""
    places, matching = places_of(base, new)
    if not matching == len(base) == len(new):
        raise CannotJudge(
            f"the sides have different examples: base has {len(base):,}, new has {len(new):,}, and {matching:,} match "
            "by id; give both sides the same test set"
        )
    return places


def _reordered(examples: Examples, places: Array) -> Examples:
    if np.array_equal(places, np.arange(len(places))):
        return examples
    return replace(
        examples,
        scores=examples.scores[:, places],
        ids=None if examples.ids is None else examples.ids[places],
        predicted=None if examples.predicted is None else examples.predicted[:, places],
        labels=None if examples.labels is None else examples.labels[places],
    )


def _same_classes(base: Examples, new: Examples) -> tuple[Examples, Examples]:
    """Give the classes of both sides the same indices."""
    if base.classes == new.classes or not (base.classes and new.classes):
        return base, new
    classes = tuple(sorted({*base.classes, *new.classes}))
    return _with_classes(base, classes), _with_classes(new, classes)


def _with_classes(examples: Examples, classes: tuple[str, ...]) -> Examples:
    index = {name: place for place, name in enumerate(classes)}
    to = np.array([index[name] for name in examples.classes])
    predicted = None if examples.predicted is None else to[examples.predicted]
    labels = None if examples.labels is None else to[examples.labels]
    return replace(examples, predicted=predicted, labels=labels, classes=classes)
