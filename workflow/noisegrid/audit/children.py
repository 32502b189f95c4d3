"""Watch the processes that a run starts: ranks, and the workers of DataLoaders."""

import os
from contextlib import suppress
from functools import wraps
from multiprocessing import util
from multiprocessing.process import BaseProcess
from typing import Any

from torch import distributed

from noisegrid.audit.request import VARIABLE

#: The process groups of this process. Closing one while a dispatch mode is active can wait for ever: a thread of the
#: group then needs Python's lock, which the closing thread holds. So they stay open until the process ends.
GROUPS: list[Any] = []


def watch_children() -> None:
    """Let every process that `multiprocessing` starts from now on be watched too."""
    start = BaseProcess.start

    def started(self: Any) -> None:
        if self._target is not None and self._target is not run:
            self._args, self._kwargs = (self._target, self._args, self._kwargs), {}
            self._target = run
        start(self)

    BaseProcess.start = started  # type: ignore[method-assign]


def keep_groups() -> None:
    """Keep every process group of torch.distributed open until the process ends."""
    if not distributed.is_available():
        return
    begin = distributed.init_process_group

    @wraps(begin)
    def begun(*args: Any, **kwargs: Any) -> None:
        begin(*args, **kwargs)
        GROUPS.append(distributed.group.WORLD)

    distributed.init_process_group = begun


def run(target: Any, args: Any, kwargs: Any) -> None:
    """Run the target of a process. A process that was not forked is first made to watch."""
    from noisegrid.audit import side
    from noisegrid.audit.draws import Draws
    from noisegrid.audit.steps import end
    from noisegrid.audit.watch import Enough

    forked = bool(side.WATCHES)
    watch = side.WATCHES[0] if forked else side.begin(os.environ[VARIABLE])
    with suppress(Enough):  # the last step that is watched
        if forked:  # the dispatch mode of the parent is active here too
            target(*args, **kwargs)
        else:
            with Draws(watch):
                target(*args, **kwargs)
    if watch.steps:
        end(watch, None)
    if GROUPS:
        util._exit_function()  # type: ignore[attr-defined] # what this process still has to send is sent
        os._exit(0)
