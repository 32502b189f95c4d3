"""Rules about a resumed run: it goes on as one without an interruption."""

from collections.abc import Iterator
from typing import Any

from noisegrid.audit.evidence import Evidence
from noisegrid.audit.finding import Finding
from noisegrid.audit.log import Event
from noisegrid.audit.observation import MASKS, Observation


def resuming(evidence: Evidence) -> Iterator[Finding]:
    """Find what a resumed run does not take from its checkpoint."""
    found = evidence.resumed
    if found is None:
        return
    if found.resumed is None:
        yield Finding("not resumed", "checkpoint", f"a run cannot go on from its checkpoint: {found.failure}.")
        return
    whole, rest = (list(one.log.of("step")) for one in (found.whole, found.resumed))
    steps = list(zip(whole[found.step :], rest, strict=False))
    if not steps:
        return
    one, other = steps[0]
    settings = [key for key in one["settings"] if one["settings"][key] != other["settings"].get(key)]
    if settings:
        was, now = (settings and x["settings"].get(settings[0]) for x in (one, other))
        yield _not_resumed(
            "schedule",
            f"{settings[0]} is {now} instead of {was}",
            "Save and load the scheduler's and the optimiser's state",
        )
    if one["weights"] != other["weights"]:
        yield _not_resumed("weights", "the weights differ", "Save and load them")
    if one["moments"] != other["moments"]:
        yield _not_resumed("optimiser", "the optimiser's state differs", "Save and load optimizer.state_dict()")
    if settings or one["weights"] != other["weights"] or one["moments"] != other["moments"]:
        return
    yield from _later(found.whole, found.resumed, steps)


def _later(whole: Observation, resumed: Observation, steps: list[tuple[Event, Event]]) -> Iterator[Finding]:
    """Yield what differs later, although both go on from the same weights, optimiser and settings."""
    if not _ends_with(_batches(whole), _batches(resumed)):
        yield _not_resumed(
            "random states",
            "other batches follow",
            "Save and load the states of the generators (torch, CUDA, numpy, random, the DataLoader's), and the place "
            "in the epoch",
        )
    elif not _ends_with(whole.value(MASKS), resumed.value(MASKS)):
        yield _not_resumed("random states", "other dropout masks follow", "Save and load the states of the generators")
    elif any(x["weights"] != y["weights"] for x, y in steps):
        yield _not_resumed(
            "weights",
            "the weights differ later",
            "Trace a step of each run with noisegrid.tracing, and compare the traces with `noisegrid diverge`",
        )
    elif not _ends_with(_averages(whole), _averages(resumed)):
        yield _not_resumed(
            "averages", "tensors beside the weights, such as averaged weights (EMA), differ", "Save and load them too"
        )
    elif whole.end["returned"] != resumed.end["returned"]:
        yield _not_resumed(
            "result", "the function returns other tensors, but the weights are equal", "Save and load them too"
        )


def _ends_with(whole: list[Any], rest: list[Any]) -> bool:
    """Return whether the run without an interruption ends as the resumed one; a step may have several batches."""
    return len(rest) <= len(whole) and whole[len(whole) - len(rest) :] == rest


def _batches(one: Observation) -> list[list[str]]:
    return [event["rows"] for event in one.log.of("forward") if event["training"]]


def _averages(one: Observation) -> list[list[str]]:
    return [event["averages"] for event in one.log.of("step", "end")][1:]


def _not_resumed(thing: str, what: str, remedy: str) -> Finding:
    return Finding("not resumed", thing, f"after resuming from the checkpoint, {what}: {thing} not resumed. {remedy}.")
