"""Data in the source archives of Python packages. The archives are fetched and read; no code in them runs."""

import subprocess
import sys
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from noisegrid.common.commands import python_environment
from noisegrid.common.errors import NoisegridError, why
from noisegrid.common.files import write_atomically

#: The largest file in an archive that is read, in bytes.
LARGEST = 256 * 1024**2

#: The module whose process fetches an archive.
PROCESS = "noisegrid.readers.source_archive_process"


def fetch(package: str, path: Path) -> None:
    """Fetch a source archive from the package index that pip is configured for, in a process of its own.

    Parameters
    ----------
    package : str
        The name of the package.
    path : Path
        Where to write the archive. The name is that of the archive on the index.

    Raises
    ------
    NoisegridError
        If pip does not find the archive, or cannot fetch it.
    """

    def run(temporary: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-P", "-m", PROCESS, package, path.name, str(temporary)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
            env=python_environment(),
        )  # fmt: skip
        if done.returncode:
            last = (done.stdout.strip().splitlines() or ["no message"])[-1]
            raise NoisegridError(
                f"{path.name} could not be fetched ({last}); download it by other means, and name its folder in "
                "dataset_folders"
            )

    write_atomically(path, run)


@contextmanager
def opened(archive: Path, name: str) -> Iterator[IO[bytes]]:
    """Open one file of a .tar.gz archive for reading. Nothing is written to the disk, and no link is followed.

    Raises
    ------
    NoisegridError
        If the archive is damaged, or if it has no such file, or something else or something too large of this name.
    """
    try:
        with tarfile.open(archive, "r:gz") as files:
            yield _file(files, archive, name)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise NoisegridError(f"{archive} cannot be read ({why(error)}); get it again") from error


def _file(files: tarfile.TarFile, archive: Path, name: str) -> IO[bytes]:
    """Return one file of an open archive."""
    try:
        member = files.getmember(name)
    except KeyError:
        raise NoisegridError(f"{archive} has no file {name}; get the version that the catalog names") from None
    file = files.extractfile(member) if member.isreg() else None
    if file is None or member.size > LARGEST:
        what = f"has {member.size:,} bytes, more than {LARGEST:,}" if file else "is not a plain file"
        raise NoisegridError(f"{archive}: {name} {what}; get the version that the catalog names")
    return file
