"""What the logs of a run say: initial weights, order and contents of examples, dropout masks, losses, final weights."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from noisegrid.audit.log import EVALUATION, FETCH, LAYER, ORDER, Event, Log

#: What is compared between runs, in the order in which one leads to the next.
INITIAL, DATA_ORDER, CONTENTS, MASKS, LOSSES, FINAL = (
    "initial weights", "order of the examples", "augmentation", "dropout masks", "losses", "final weights",
)  # fmt: skip
THINGS = (INITIAL, DATA_ORDER, CONTENTS, MASKS, LOSSES, FINAL)


@dataclass(frozen=True)
class Epoch:
    """One pass over a DataLoader: the indices of the examples, if they are known, and the hash of each example."""

    loader: int
    indices: tuple[int, ...] | None
    rows: tuple[str, ...]


@dataclass(frozen=True)
class Observation:
    """What was seen of one run.

    Attributes
    ----------
    logs : tuple of Log
        The logs of its processes.
    """

    logs: tuple[Log, ...]

    @cached_property
    def log(self) -> Log:
        """The log of the process that trains; with several ranks, that of the first."""
        training = [one for one in self.logs if one.first("step")]
        return min(training, key=lambda one: (one.first("step") or {})["rank"] or 0)

    @cached_property
    def ranks(self) -> list[Log]:
        """The logs of all processes that train."""
        return [one for one in self.logs if one.first("step") and one.first("forward")]

    @cached_property
    def phases(self) -> dict[int, set[bool]]:
        """For each DataLoader, whether its batches went into training (True), into evaluations (False), or both."""
        found: dict[int, set[bool]] = {}
        last = None
        for event in self.log.of("batch", "forward"):
            if event["event"] == "batch":
                last = event["loader"]
            elif last is not None:
                found.setdefault(last, set()).add(event["training"])
        return found

    @cached_property
    def training_loaders(self) -> list[Event]:
        """The descriptions of the DataLoaders whose batches went into training."""
        return [one for one in self.log.of("loader") if True in self.phases.get(one["loader"], ())]

    @cached_property
    def trained_on(self) -> set[int]:
        """The numbers of the DataLoaders of training."""
        return {one["loader"] for one in self.training_loaders}

    @cached_property
    def end(self) -> Event:
        """What was recorded at the end of the run: the weights, what was returned, and the number of steps."""
        return self.log.first("end") or {}

    @cached_property
    def evaluation_loaders(self) -> list[Event]:
        """The descriptions of the DataLoaders whose batches went into evaluations alone."""
        return [one for one in self.log.of("loader") if self.phases.get(one["loader"]) == {False}]

    @cached_property
    def epochs(self) -> list[Epoch]:
        """The passes over the DataLoaders of training."""
        open_, found = dict[int, list[Event]](), list[Epoch]()
        for event in self.log.of("iteration", "batch"):
            loader = event["loader"]
            if loader not in self.trained_on:
                continue
            if event["event"] == "iteration":
                if batches := open_.pop(loader, None):
                    found.append(_epoch(loader, batches))
                open_[loader] = []
            else:
                open_.setdefault(loader, []).append(event)
        return found + [_epoch(loader, batches) for loader, batches in open_.items() if batches]

    @cached_property
    def rows(self) -> list[str]:
        """The hash of each example that went into the network in training, in their order."""
        return [row for event in self.log.of("forward") if event["training"] for row in event["rows"]]

    @cached_property
    def draws(self) -> list[Event]:
        """The draws of random numbers of all processes."""
        return [event for log in self.logs for event in log.of("draw")]

    @cached_property
    def fetch_moves(self) -> set[str]:
        """The generators that were drawn from while examples of training were read."""
        fetches = (event for log in self.logs for event in log.of("fetch") if event["loader"] in self.trained_on)
        return {name for event in fetches for name in event["moved"]}

    @cached_property
    def augments(self) -> bool:
        """Whether something is drawn while examples of training are read."""
        made = any(event["where"] == FETCH for log in self.logs for event in log.of("generator"))
        return bool(self.fetch_moves) or made or any(one["where"] == FETCH for one in self.draws)

    @cached_property
    def fetched_values(self) -> list[str]:
        """A hash of each value that the training process drew while it read examples of training, in order.

        Workers read ahead, and are ended somewhere, so theirs cannot be compared.
        """
        return [
            one["values"] for one in self.log.of("draw") if one["where"] == FETCH and one["loader"] in self.trained_on
        ]

    @property
    def shuffles(self) -> bool:
        """Whether the order of the training examples is drawn at random."""
        drawn = any(one["where"] == ORDER and one["operation"] == "randperm" for one in self.draws)
        return drawn or any(map(draws_order, self.training_loaders))

    def value(self, thing: str) -> Any:
        """Return what was seen of a thing in a form that can be compared; `differs` compares the data."""
        steps = list(self.log.of("step"))
        if thing == INITIAL:
            firsts = dict[int, str]()
            for event in steps:
                firsts.setdefault(event["optimizer"], event["weights"])
            return list(firsts.values())
        if thing == MASKS:
            return [one["values"] for one in self.log.of("draw") if one["where"] == LAYER]
        if thing == LOSSES:
            return [one["value"] for one in self.log.of("loss")]
        return [self.end.get("weights"), self.end.get("returned")]

    @cached_property
    def streams(self) -> dict[tuple[int, int, int], dict[str, str]]:
        """The generators that reading training examples draws from, as they are when an epoch begins.

        The keys are DataLoader, worker (-1 for the process that trains) and the number of the epoch, the values the
        state of each generator by its name.
        """
        found: dict[tuple[int, int, int], dict[str, str]] = {}
        epochs: Counter[tuple[int, int]] = Counter()
        for log in self.logs:
            begins = {one["loader"] for one in log.of("fetch")}
            for event in log.of("fetch", "iteration"):
                loader = event["loader"]
                if event["event"] == "iteration":
                    begins.add(loader)
                elif loader in self.trained_on and loader in begins and event["moved"]:
                    begins.discard(loader)
                    worker = -1 if event["worker"] is None else event["worker"]
                    states = {name: event["before"][name] for name in event["moved"] if name in event["before"]}
                    found[loader, worker, epochs[loader, worker]] = states
                    epochs[loader, worker] += 1
        return found


def differs(a: Observation, b: Observation, thing: str) -> bool:
    """Return whether two runs differ in a thing (one of THINGS)."""
    if thing == DATA_ORDER:
        return _orders_differ(a, b)
    if thing == CONTENTS:
        return _contents_differ(a, b)
    return bool(a.value(thing) != b.value(thing))


def draws_order(loader: Event) -> bool:
    """Return whether a DataLoader has a sampler that may draw the order of the examples."""
    return not loader["sequential"] and not loader["iterable"]


def _have_indices(a: Observation, b: Observation) -> bool:
    """Return whether the indices of all training examples of both runs are known."""
    return bool(a.epochs and b.epochs) and all(one.indices is not None for one in (*a.epochs, *b.epochs))


def _orders_differ(a: Observation, b: Observation) -> bool:
    if _have_indices(a, b):
        return [one.indices for one in a.epochs] != [one.indices for one in b.epochs]
    return a.rows != b.rows and not Counter(a.rows).keys().isdisjoint(b.rows)


def _contents_differ(a: Observation, b: Observation) -> bool:
    """Return whether the same example has other contents.

    If the order differs too, examples get other draws of the same generators; then these are compared, as an epoch
    begins. Without indices, contents differ if the runs have no example in common.
    """
    if _orders_differ(a, b) and (a.streams or b.streams or a.fetched_values or b.fetched_values):
        return a.streams != b.streams or a.fetched_values != b.fetched_values
    if _have_indices(a, b):
        return any(
            one.get(index, row) != row
            for x, y in zip(a.epochs, b.epochs, strict=False)
            for one in [by_index(x)]
            for index, row in by_index(y).items()
        )
    return a.rows != b.rows and Counter(a.rows).keys().isdisjoint(b.rows)


def by_index(epoch: Epoch) -> dict[int, str]:
    """Return the hash of each example of an epoch by its index."""
    return dict(zip(epoch.indices or (), epoch.rows, strict=False))


def _epoch(loader: int, batches: list[Event]) -> Epoch:
    known = all(one["indices"] is not None for one in batches)
    indices = tuple(index for one in batches for index in one["indices"]) if known else None
    return Epoch(loader, indices, tuple(row for one in batches for row in one["rows"]))


def first_difference(a: Observation, b: Observation) -> str | None:
    """Return the first of THINGS in which two runs differ, or None."""
    return next((thing for thing in THINGS if differs(a, b, thing)), None)


def in_evaluation(observation: Observation, draw: Event) -> bool:
    """Return whether a draw was made for an evaluation: by its DataLoader, or while a network is evaluated."""
    if draw["where"] in (ORDER, FETCH):
        return any(one["loader"] == draw["loader"] for one in observation.evaluation_loaders)
    return bool(draw["where"] == EVALUATION)
