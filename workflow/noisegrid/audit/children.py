"""Watch the processes that a run starts: ranks, and the workers of DataLoaders."""

import os
from multiprocessing.process import BaseProcess
from typing import Any

from noisegrid.audit.request import VARIABLE


def watch_children() -> None:
    """Let every process that `multiprocessing` starts from now on be watched too."""
    start = BaseProcess.start

    def started(self: Any) -> None:
        if self._target is not None and self._target is not run:
            self._args, self._kwargs = (self._target, self._args, self._kwargs), {}
            self._target = run
        start(self)

    BaseProcess.start = started  # type: ignore[method-assign]


def run(target: Any, args: Any, kwargs: Any) -> None:
    """Run the target of a process. A process that was not forked is first made to watch."""
    from noisegrid.audit import side
    from noisegrid.audit.draws import Draws
    from noisegrid.audit.steps import end

    forked = bool(side.WATCHES)
    watch = side.WATCHES[0] if forked else side.begin(os.environ[VARIABLE])
    if forked:  # the dispatch mode of the parent is active here too
        target(*args, **kwargs)
    else:
        with Draws(watch):
            target(*args, **kwargs)
    if watch.steps:
        end(watch, None)
