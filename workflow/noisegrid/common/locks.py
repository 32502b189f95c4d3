"""Locks that allow one writer per folder at a time.

Sometimes two copies of the same job run at the same time. For example, SLURM may requeue a job that Snakemake has
also submitted again, or a job may still run when Snakemake is killed and called again. The second copy then waits until
the first copy releases the lock. The operating system releases a lock when the process that holds the lock ends, even
if the process is killed. Therefore no lock is left behind. If several nodes write to the same file system, it must
support flock across nodes (NFSv4, Lustre with -o flock, GPFS, BeeGFS).
"""

import errno
import fcntl
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import reason

POLL_S = 1.0


def lock_file(folder: Path) -> Path:
    """Return the path of the lock file of a folder. A process locks this file while it writes to the folder."""
    return folder.with_name(f".{folder.name}.lock")


@contextmanager
def one_writer(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder.

    If another process holds the lock, print a description of that process, and wait until the lock is free.

    Raises
    ------
    NoisegridError
        If the lock file is a link, or cannot be written.
    """
    if not folder.name:
        raise NoisegridError(f"cannot write {folder}: it is a folder without a name")
    path = lock_file(folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = _acquire(path, folder)
    except OSError as error:
        if error.errno == errno.ELOOP and path.is_symlink():
            raise NoisegridError(f"{path} is a link; remove it") from error
        raise NoisegridError(f"cannot write {path}: {reason(error, path)}") from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def owner(folder: Path) -> str | None:
    """Return a description of the process that holds the lock of a folder, or None if the lock is free.

    The description contains the number of the process, the name of its host and, if there is one, its SLURM job.
    """
    path = lock_file(folder)
    try:
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        # an empty file is about to be locked; a reader that locked it first would make its process wait
        holder = _holder(handle)
        return None if not holder or flocked(handle) else holder
    finally:
        os.close(handle)


def description(number: int) -> str:
    """Return the description of a process of this host and of this job, by its number."""
    job = os.environ.get("SLURM_JOB_ID")
    return f"process {number} on {socket.gethostname()}" + (f" (SLURM job {job})" if job else "")


def flocked(handle: int) -> bool:
    """Try to lock an open file for this process, without waiting. Return whether the attempt succeeded."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(handle: int) -> str:
    return os.read(handle, 200).decode(errors="replace").strip()


def _acquire(path: Path, folder: Path) -> int:
    announced = False
    while True:
        # the process writes to the file, so it must not be a link to another one
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        if not flocked(handle):
            if not announced:
                holder = _holder(handle)
                print(f"{holder} is writing to {folder}; waiting for it to finish", file=sys.stderr, flush=True)
                announced = True
            os.close(handle)
            time.sleep(POLL_S)
            continue
        if _is_still_there(handle, path):
            os.ftruncate(handle, 0)
            os.write(handle, f"{description(os.getpid())}\n".encode())
            return handle
        os.close(handle)  # the previous owner removed the file before this process locked it


def _is_still_there(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False
