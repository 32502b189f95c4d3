"""The processes of the ranks of one replicate: they begin with the replicate and none outlives it.

The process of the replicate forks the other ranks before it computes anything, because each rank sets its switches
itself. They find each other through a file in a private temporary folder, and talk through the loopback interface.
"""

import ctypes
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch.distributed as dist

from noisegrid.common.errors import NoisegridError
from noisegrid.runtime import failures
from noisegrid.training.checkpoint import STOP_SIGNALS
from noisegrid.training.ranks import ALONE, Ranks

FORK = multiprocessing.get_context("fork")
#: The exit status of a rank that ended because another rank was gone.
LEFT_ALONE = 76
#: How long in seconds rank 0 waits to learn which rank is gone, after a connection has closed.
LEARN_S = 10.0
#: The request of prctl that the kernel kills this process when its parent ends.
PR_SET_PDEATHSIG = 1


@contextmanager
def together(flags: Mapping[str, Any], follow: Callable[[Ranks], None]) -> Iterator[Ranks]:
    """Start the other ranks of a run, and yield rank 0; at the end, however it comes, end all of them.

    Parameters
    ----------
    flags : mapping
        The switches of the run. Without `world_size`, there are no other ranks.
    follow : callable
        What a rank other than 0 does.

    Raises
    ------
    NoisegridError
        If this PyTorch cannot connect processes, or if a rank is gone before the end.
    """
    world = flags.get("world_size", 1)
    if world == 1:
        yield ALONE
        return
    if not (dist.is_available() and dist.is_gloo_available()):
        raise NoisegridError(
            f"this run trains with {world} processes, but this PyTorch was built without gloo; install one that has it"
        )
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"  # otherwise, gloo looks the name of the host up
    with tempfile.TemporaryDirectory(prefix="noisegrid-ranks-") as folder:
        ranks = [Ranks(rank, world, flags.get("bucket_mb"), Path(folder) / "meeting") for rank in range(world)]
        others = [FORK.Process(target=_be, args=(rank, follow, os.getpid()), name=_name(rank)) for rank in ranks[1:]]
        try:
            for process in others:
                process.start()
            yield ranks[0]
        except RuntimeError as error:
            if why := _why_gone(others, LEARN_S if _is_connection(error) else 0):
                raise NoisegridError(why) from error
            raise
        finally:
            for process in others:
                if process.pid is not None:
                    process.kill()
                    process.join()
            ranks[0].part_ways()


def _name(rank: Ranks) -> str:
    return f"rank {rank.rank} of {rank.world}"


def _be(rank: Ranks, follow: Callable[[Ranks], None], parent: int) -> None:
    """Be a rank other than 0. It does not listen to stop signals, because rank 0 decides when to stop."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the line above
        os._exit(LEFT_ALONE)
    try:
        follow(rank)
    except Exception as error:
        if _is_connection(error):
            os._exit(LEFT_ALONE)
        if not (why := failures.sentence(error)):
            traceback.print_exc()
        print(f"{_name(rank)} failed: {why or error}", file=sys.stderr, flush=True)
        os._exit(1)


def _is_connection(error: Exception) -> bool:
    """Return whether an error says that the connection to another rank is gone."""
    return isinstance(error, RuntimeError) and "gloo" in str(error)


def _why_gone(others: Sequence[BaseProcess], wait_s: float) -> str:
    """Return which rank is gone and why; empty if all are there after so many seconds."""
    if multiprocessing.connection.wait([process.sentinel for process in others if process.pid], wait_s):
        for process in others:
            process.join(0.5)  # ranks that are left alone end, too
    codes = {process.name: process.exitcode for process in others if process.exitcode not in (None, 0, LEFT_ALONE)}
    for name, code in codes.items():
        assert code is not None
        how = f"was killed by signal {-code}" if code < 0 else "failed; see its error above"
        return f"{name} {how}, and a replicate needs all its processes; the next call trains it again"
    return ""
