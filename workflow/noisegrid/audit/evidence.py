"""The runs of an audit: repeated, with other seeds, in other surroundings, with other values of draws, and resumed."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from noisegrid.audit.log import BETWEEN, EVALUATION, FETCH, LAYER, ORDER, Event
from noisegrid.audit.observation import Observation, draws_order, first_difference, in_evaluation
from noisegrid.audit.runs import CannotJudge, Runs

#: The largest number of places whose draws are tried with other values.
MOST_PLACES = 6


@dataclass(frozen=True)
class Resumed:
    """A run that was interrupted and resumed, beside one that was not.

    Attributes
    ----------
    whole : Observation
        The run without an interruption.
    resumed : Observation or None
        The run that began with the checkpoint; None if it failed.
    step : int
        The step at which the checkpoint was written.
    failure : str
        Why the resumed run failed.
    """

    whole: Observation
    resumed: Observation | None
    step: int
    failure: str = ""


@dataclass(frozen=True)
class Evidence:
    """What the runs of one function have shown.

    Attributes
    ----------
    seeds : tuple of str
        The names of the function's seeds.
    base, repeat : Observation
        Two runs with all seeds 0.
    moved : dict
        For each seed, a run in which it is 1.
    hashed, threads : Observation or None
        A run with another PYTHONHASHSEED, and one with two threads; None if the base does not repeat itself.
    workers : dict
        For 0, 1 and 2 workers of the DataLoaders of training, a run.
    without_effect : list of dict
        Draws of random numbers, one of each place, that move a generator which training draws from later, although
        training does not depend on their values.
    resumed : Resumed or None
        The resumed run, if the function takes a checkpoint.
    notes : list of str
        What could not be tried.
    """

    seeds: tuple[str, ...]
    base: Observation
    repeat: Observation
    moved: dict[str, Observation]
    hashed: Observation | None = None
    threads: Observation | None = None
    workers: dict[int, Observation] = field(default_factory=dict)
    without_effect: list[Event] = field(default_factory=list)
    resumed: Resumed | None = None
    notes: list[str] = field(default_factory=list)


def gathered(runs: Runs) -> Evidence:
    """Run a function as often as an audit needs.

    Raises
    ------
    CannotJudge
        If one of the first runs fails.
    """
    base = _observed(runs, "all seeds 0")
    repeat = _observed(runs, "all seeds 0, again")
    moved = {name: _observed(runs, f"{name} 1", seeds={name: 1}) for name in runs.seeds}
    notes: list[str] = []
    if first_difference(base, repeat) is not None:
        notes.append(
            "PYTHONHASHSEED, threads, workers, single draws and resuming were not tried: a run does not repeat itself"
        )
        return Evidence(runs.seeds, base, repeat, moved, notes=notes)
    hashed = _observed(runs, "another PYTHONHASHSEED", hash_seed="1")
    threads = _observed(runs, "two threads", threads=2)
    workers = {}
    if base.training_loaders and len(base.ranks) > 1:
        notes.append("other numbers of workers were not tried, because there are several ranks")
    elif base.training_loaders:
        for number in {0, 1, 2} - {one["workers"] for one in base.training_loaders}:
            try:
                workers[number] = _observed(runs, f"{number} workers", workers=number)
            except CannotJudge as error:
                notes.append(f"with {number} workers: {error}")
    candidates = _candidates(base)
    if len(candidates) > MOST_PLACES:
        notes.append(f"random numbers are drawn at {len(candidates)} places between steps; {MOST_PLACES} were tried")
    without = [draw for names, draw in candidates[:MOST_PLACES] if _has_no_effect(runs, base, names, draw)]
    resumed = _resumed(runs, base, notes) if runs.resumable else None
    return Evidence(runs.seeds, base, repeat, moved, hashed, threads, workers, without, resumed, notes)


def _observed(runs: Runs, what: str, **changes: object) -> Observation:
    return Observation(tuple(runs.run(what, **changes)))  # type: ignore[arg-type]


def _candidates(base: Observation) -> list[tuple[tuple[str, ...], Event]]:
    """Return the draws between steps or in evaluations that move a generator from which training draws later.

    Each comes with the names by which a run gives other values to it (see request.Request).
    """
    events = list(base.log.of("draw"))
    last = {one["generator"]: index for index, one in enumerate(events) if _trains(base, one)}
    found: dict[tuple[str, ...], Event] = {}
    for index, draw in enumerate(events):
        if not draw["step"] or index > last.get(draw["generator"], -1):
            continue
        if in_evaluation(base, draw):
            found.setdefault((EVALUATION, *(f"loader {one['loader']}" for one in base.evaluation_loaders)), draw)
        elif draw["where"] == BETWEEN and draw["place"]:
            found.setdefault((draw["place"],), draw)
    return list(found.items())


def _trains(base: Observation, draw: Event) -> bool:
    """Return whether training depends on a draw: a mask, an augmentation, or an order."""
    if draw["where"] in (FETCH, ORDER):
        loader = next((one for one in base.training_loaders if one["loader"] == draw["loader"]), None)
        return loader is not None and (draw["where"] == FETCH or draws_order(loader) or loader["workers"] > 0)
    return bool(draw["where"] == LAYER)


def _has_no_effect(runs: Runs, base: Observation, names: Iterable[str], draw: Event) -> bool:
    what = "evaluations" if in_evaluation(base, draw) else draw["place"]
    other = _observed(runs, f"other random values in {what}", other_values=tuple(names))
    return first_difference(base, other) is None


def _resumed(runs: Runs, base: Observation, notes: list[str]) -> Resumed | None:
    steps = base.end["steps"]
    with tempfile.TemporaryDirectory() as folder:
        arguments = {"checkpoint": f"{folder}/checkpoint"}
        first = _observed(runs, "interrupted", arguments=arguments, steps=max(steps // 2, 1))
        written = [event["checkpoint"] for event in first.log.of("step")]
        places = [step for step, (one, other) in enumerate(pairwise(written), 1) if one != other]
        if not places or not written[-1]:
            notes.append(
                f"resuming was not tried, because no checkpoint was written in {len(written) - 1} steps; raise --steps"
            )
            return None
        try:
            rest = _observed(runs, "resumed", arguments=arguments, steps=steps - places[-1])
        except CannotJudge as error:
            return Resumed(base, None, places[-1], str(error))
    return Resumed(base, rest, places[-1])
