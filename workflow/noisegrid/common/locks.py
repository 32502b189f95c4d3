"""One writer at a time: two copies of one job (a requeued one and its retry, an orphan and its successor) do not meet.

The operating system gives a lock back when its process ends, however it ends, so that no lock is ever stale. A file
system that nodes share must pass flock between them (NFSv4, Lustre with -o flock, GPFS, BeeGFS).
"""

import fcntl
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_S = 1.0


def lock_file(folder: Path) -> Path:
    """The file that is locked while a folder is being made."""
    return folder.with_name(f".{folder.name}.lock")


@contextmanager
def one_writer(folder: Path) -> Iterator[None]:
    """Hold the right to make a folder; wait, and say for whom, while another process has it."""
    path = lock_file(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = _acquire(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def owner(folder: Path) -> str | None:
    """Who is making a folder right now (host, process, SLURM job); None if nobody is."""
    path = lock_file(folder)
    try:
        handle = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        return None if flocked(handle) else _holder(handle)
    finally:
        os.close(handle)


def flocked(handle: int) -> bool:
    """Whether an open file could be locked, here and now, for this process alone."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(handle: int) -> str:
    return os.read(handle, 200).decode(errors="replace").strip()


def _acquire(path: Path) -> int:
    told = False
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if not flocked(handle):
            if not told:
                holder = _holder(handle)
                print(f"{path.parent} is being written by {holder}; waiting for it", file=sys.stderr, flush=True)
                told = True
            os.close(handle)
            time.sleep(POLL_S)
            continue
        if _is_still_there(handle, path):
            os.ftruncate(handle, 0)
            os.write(handle, f"{_myself()}\n".encode())
            return handle
        os.close(handle)  # its last owner removed the file between our opening and locking it


def _is_still_there(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False


def _myself() -> str:
    job = os.environ.get("SLURM_JOB_ID")
    return f"process {os.getpid()} on {socket.gethostname()}" + (f" (SLURM job {job})" if job else "")
