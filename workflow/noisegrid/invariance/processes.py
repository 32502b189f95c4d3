"""A process of its own for each condition, because libraries read their switches once in a process."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

from noisegrid.common.errors import NoisegridError
from noisegrid.divergence.judge import CannotJudge

P = ParamSpec("P")
T = TypeVar("T")

#: Its processes are forked from a server that has computed nothing, whatever this process has done. What the server
#: imports once, they share: the first switch imports `torch._inductor`, in a second.
SERVER = get_context("forkserver")
SERVER.set_forkserver_preload(["torch._inductor", __package__ + ".side"])


def in_process(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a process in which nothing has been computed.

    Raises
    ------
    CannotJudge
        If the function raises NoisegridError, or if its process is killed.
    """
    try:
        with ProcessPoolExecutor(1, SERVER) as pool:
            return pool.submit(function, *args, **kwargs).result()
    except NoisegridError as error:
        raise CannotJudge(str(error)) from None
    except BrokenProcessPool:
        raise CannotJudge(
            "the process that evaluates was killed, perhaps for memory; use fewer examples or smaller batches"
        ) from None
