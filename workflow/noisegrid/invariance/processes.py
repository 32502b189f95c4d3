"""A process of its own for each condition, because libraries read their switches once in a process."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

import torch._inductor  # noqa: F401 - the first switch imports it, in a second; forked processes share it

from noisegrid.common.errors import NoisegridError
from noisegrid.divergence.judge import CannotJudge

P = ParamSpec("P")
T = TypeVar("T")


def in_process(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a process that is forked from this one, which must not have computed anything.

    Raises
    ------
    CannotJudge
        If the function raises NoisegridError, or if its process is killed.
    """
    try:
        with ProcessPoolExecutor(1, get_context("fork")) as pool:
            return pool.submit(function, *args, **kwargs).result()
    except NoisegridError as error:
        raise CannotJudge(str(error)) from None
    except BrokenProcessPool:
        raise CannotJudge(
            "the process that evaluates was killed, perhaps for memory; use fewer examples or smaller batches"
        ) from None
