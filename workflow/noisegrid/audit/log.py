"""The log of an audited run: one event per line, one file per process. This module imports no PyTorch."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError

Event = dict[str, Any]
#: Where a random number was drawn: before training, by a layer, while an example is read, by a sampler or DataLoader,
#: in an evaluation, or between the steps of training.
SETUP, LAYER, FETCH, ORDER, EVALUATION, BETWEEN = "setup", "layer", "fetch", "order", "evaluation", "between"


class Writer:
    """Write events to a file of this process, each at once: a process may be ended at any time."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._open()

    def _open(self) -> None:
        self.process = os.getpid()
        self._file = (Path(self.folder) / f"{self.process}.jsonl").open("a", buffering=1)

    def write(self, event: str, **values: Any) -> None:
        """Write an event."""
        if os.getpid() != self.process:  # this process was forked
            self._open()
        self._file.write(json.dumps({"event": event, **values}) + "\n")


@dataclass(frozen=True)
class Log:
    """The events of one process, in the order in which they happened.

    Attributes
    ----------
    events : list of dict
        The events.
    """

    events: list[Event] = field(default_factory=list)

    def of(self, *kinds: str) -> Iterator[Event]:
        """Yield the events of some kinds."""
        return (event for event in self.events if event["event"] in kinds)

    def first(self, kind: str) -> Event | None:
        """Return the first event of a kind."""
        return next(self.of(kind), None)


def read(folder: Path) -> list[Log]:
    """Return the logs of all processes of a run, the first process first.

    Raises
    ------
    NoisegridError
        If there is none.
    """
    paths = sorted(folder.glob("*.jsonl"), key=lambda path: (path.stat().st_ctime_ns, path.name))
    logs = [Log(_events(path)) for path in paths]
    if not logs:
        raise NoisegridError("the run has left no log; run it again")
    return sorted(logs, key=lambda log: log.first("main") is None)


def _events(path: Path) -> list[Event]:
    lines = path.read_text().splitlines()
    whole = lines if not lines or lines[-1].endswith("}") else lines[:-1]  # the last line may be cut: it was killed
    return [json.loads(line) for line in whole]
