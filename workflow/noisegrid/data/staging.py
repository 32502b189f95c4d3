"""Copies of prepared datasets on a disk of the node, for the time of a job.

A training job reads examples in random order. On a busy shared file system, that is slow for everybody. With `scratch`
in slurm/site.yaml, a job first copies its datasets to the node's own disk, and removes the copies at its end.
"""

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import reason
from noisegrid.common.progress import size

#: Copies may not fill the disk of the node to the last byte.
LEFT_FREE = 0.05


@contextmanager
def staged(datasets: Path, names: Iterable[str], scratch: str) -> Iterator[Path]:
    """Copy prepared datasets to a disk of this node, and yield the folder of the copies.

    If the disk has too little space for them, a line says so, and the folder of the datasets themselves is yielded.
    Outside a SLURM job nothing is copied, because `scratch` is about the nodes.

    Parameters
    ----------
    datasets : Path
        The folder of the prepared datasets.
    names : iterable of str
        The names of the datasets that the job needs.
    scratch : str
        A folder on the node's disk, in which variables such as $TMPDIR are replaced; empty to copy nothing.

    Raises
    ------
    NoisegridError
        If a variable is not set, if there is no such folder, or if it cannot be written.
    """
    if not scratch or "SLURM_JOB_ID" not in os.environ:
        yield datasets
        return
    folder, sources = _folder(scratch), [datasets / name for name in names]
    needed = sum(path.stat().st_size for source in sources for path in source.rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    if needed > (1 - LEFT_FREE) * free:
        print(
            f"{folder} on {socket.gethostname()} has {size(free)} free, but the datasets take {size(needed)}; they are "
            f"read from {datasets}",
            file=sys.stderr,
        )
        yield datasets
        return
    with tempfile.TemporaryDirectory(prefix="noisegrid-", dir=folder, ignore_cleanup_errors=True) as place:
        try:
            for source in sources:
                shutil.copytree(source, Path(place) / source.name)
        except (OSError, shutil.Error) as error:
            why = reason(error, Path(place)) if not isinstance(error, shutil.Error) else str(error)
            raise NoisegridError(f"cannot copy datasets to {folder} (scratch in slurm/site.yaml): {why}") from error
        print(f"copied {size(needed)} of datasets to {place}", file=sys.stderr, flush=True)
        yield Path(place)


def _folder(scratch: str) -> Path:
    """Return the folder that `scratch` names on this node."""
    expanded, host = os.path.expandvars(scratch), socket.gethostname()
    start = f"slurm/site.yaml: scratch: {scratch}"
    if "$" in expanded:
        raise NoisegridError(f"{start}: this variable is not set on {host}; name a folder, or remove `scratch`")
    folder = Path(expanded)
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise NoisegridError(
            f"{start}: {folder} is not a folder on {host} that can be written; name another one, or remove `scratch` "
            "(in a container, the folder must be bound: set APPTAINER_BIND)"
        )
    return folder
