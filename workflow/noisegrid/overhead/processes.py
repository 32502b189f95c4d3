"""The timing of one network in several processes, one after the other.

A process keeps what it got at its start (the layout of its memory, the plans of its libraries), so its blocks share an
error that no number of blocks averages out. Each process runs a session of its own, from the first step to the
profile. On a CPU, the processes are forked from a process that has imported PyTorch and computed nothing. On CUDA,
which cannot be used after a fork, they are started anew.
"""

import multiprocessing
import sys
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path

import torch
import torch._dynamo  # the first optimiser imports it, in a second; forked processes share what is imported here

from noisegrid.common.errors import NoisegridError
from noisegrid.overhead.session import Row, Session
from noisegrid.runtime.children import end_with_parent
from noisegrid.runtime.failures import is_out_of_memory
from noisegrid.runtime.hardware import HardwareEntry
from noisegrid.study.study import TimedNetwork


@dataclass(frozen=True)
class Timed:
    """The measurements of one network.

    Attributes
    ----------
    timing : TimedNetwork
        The network and the amount of work. The batch size may be smaller than planned, if memory ran out.
    rows : list of Row
        The rows of all processes.
    arms : list of str
        The names of the arms that ran.
    skipped, remedied : dict
        For each arm that was skipped, or timed with a replaced layer, the reason.
    """

    timing: TimedNetwork
    rows: list[Row] = field(default_factory=list)
    arms: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    remedied: dict[str, str] = field(default_factory=dict)


class OutOfMemory(Exception):
    """Raised when a batch does not fit into the memory of the device or of the host."""


def time_network(timing: TimedNetwork, hardware: HardwareEntry, common: Row, output: Path | None) -> Timed:
    """Measure the overhead of one network. Halve the batch size until a batch fits into memory.

    Parameters
    ----------
    timing : TimedNetwork
        The network, its arms and the amount of work.
    hardware : HardwareEntry
        The hardware entry of the catalog.
    common : Row
        Values that all rows share.
    output : Path or None
        Path of the CSV file that gets the rows after each block, or None to write no file.

    Raises
    ------
    NoisegridError
        If the network cannot run, even with one example per step, or if a process was killed.
    """
    note = common["note"]
    while True:
        try:
            return _in_processes(timing, hardware, common | {"note": note}, output)
        except OutOfMemory:
            if timing.batch_size == 1:
                message = f"{timing.path} does not fit into the device's memory, even with one example per step"
                raise NoisegridError(message) from None
            halved = f"batch halved from {timing.batch_size}: out of memory"
            print(f"{timing.network}: {halved}", file=sys.stderr, flush=True)
            note = "; ".join(filter(None, [common["note"], halved]))
            timing = replace(timing, batch_size=timing.batch_size // 2)


def _in_processes(timing: TimedNetwork, hardware: HardwareEntry, common: Row, output: Path | None) -> Timed:
    found = _in_process(0, Timed(timing), hardware, common, output)
    for process in range(1, timing.processes):
        again = replace(timing, arms=tuple(found.arms))  # the arms that ran: a skipped arm is listed once
        more = _in_process(process, replace(found, timing=again), hardware, common, output)
        found = replace(found, rows=more.rows)
    return found


def _in_process(process: int, before: Timed, hardware: HardwareEntry, common: Row, output: Path | None) -> Timed:
    """Run one session in a new process, and return its findings with the rows of the processes before it."""
    context = multiprocessing.get_context("spawn" if hardware.is_cuda else "fork")
    receiver, sender = context.Pipe(duplex=False)
    options = process, before, hardware, common, output, torch.get_num_threads(), sender
    child = context.Process(target=_session, args=options, daemon=True)  # type: ignore[attr-defined]
    child.start()
    sender.close()
    try:
        found: Timed | Exception = receiver.recv()
    except EOFError:
        child.join()
        raise NoisegridError(f"{before.timing.path}: process {process} ended with status {child.exitcode}") from None
    except BaseException:  # such as Ctrl-C
        child.terminate()
        raise
    child.join()
    if isinstance(found, Exception):
        raise found
    return found


def _session(
    process: int,
    before: Timed,
    hardware: HardwareEntry,
    common: Row,
    output: Path | None,
    threads: int,
    sender: Connection,
) -> None:
    """Run one session in this process, and send its findings or the error."""
    end_with_parent()
    torch.set_num_threads(threads)
    try:
        session = Session(before.timing, hardware, common, output, process, before.rows)
        session.run()
        session.save()
        arms = [arm.name for arm in session.running]
        sender.send(Timed(before.timing, session.rows, arms, session.skipped, session.remedied))
    except NoisegridError as error:
        sender.send(error)
    except Exception as error:  # the code of a network may raise any exception
        text = f"{before.timing.path}: {type(error).__name__}: {error}"
        sender.send(OutOfMemory() if is_out_of_memory(error) else NoisegridError(text))
