"""Zip files that are reproducible (same files, same bytes) and safe to unpack even if their author is not trusted.

Entries are sorted, dated 1980 and stored without compression, so the bytes of a zip do not depend on the clock, the
file system or the version of zlib. Compression would save little, because most of a crate is floating-point numbers.
"""

import shutil
import stat
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import write_atomically

#: The earliest date that a zip file can store.
DATE = (1980, 1, 1, 0, 0, 0)
FILE, FOLDER = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755
COPY_BYTES = 1 << 20


def write(entries: Mapping[str, Path], output: Path) -> None:
    """Write files and their parent folders into a zip.

    Parameters
    ----------
    entries : mapping of str to Path
        Name of the entry in the zip (a relative path with slashes) -> path of the file on disk.
    output : Path
        The zip to write.
    """
    write_atomically(output.absolute(), lambda path: _write(entries, path))


def _write(entries: Mapping[str, Path], path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(entries.keys() | _folders(entries)):
            info = zipfile.ZipInfo(name, DATE)
            info.create_system = 3
            if name.endswith("/"):
                info.external_attr = FOLDER << 16
                archive.writestr(info, b"")
                continue
            source, info.external_attr = entries[name], FILE << 16
            info.file_size = source.stat().st_size  # tells zipfile whether the entry requires 64-bit sizes
            with source.open("rb") as file, archive.open(info, "w") as entry:
                shutil.copyfileobj(file, entry, COPY_BYTES)


def _folders(names: Iterable[str]) -> set[str]:
    """Return the zip entries for all parent folders, because an RO-Crate must contain the folders that it describes."""
    return {f"{parent}/" for name in names for parent in PurePosixPath(name).parents if parent.name}


def unpack(path: Path, folder: Path) -> list[str]:
    """Unpack a zip, which must come from `write`, into an empty folder.

    All names and sizes are checked before anything is unpacked. Damaged entries are left out.

    Parameters
    ----------
    path : Path
        The zip.
    folder : Path
        The folder to unpack into.

    Returns
    -------
    list of str
        A sentence for each damaged entry.

    Raises
    ------
    NoisegridError
        If the file is not a zip, or if it contains something that `write` never writes: a name that leads out of the
        folder, a link, a name that occurs twice, or a compressed or overlapping entry (which could fill the disk).
    """
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise NoisegridError(f"{path} cannot be opened as a crate: {error}") from error
    with archive:
        _check_harmless(archive, path)
        return list(_extract(archive, folder))


def _check_harmless(archive: zipfile.ZipFile, path: Path) -> None:
    entries = archive.infolist()
    for entry in entries:
        if why := _harm(entry):
            raise NoisegridError(f"{path} was not unpacked, because {why}")
    names = [entry.filename for entry in entries]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise NoisegridError(f"{path} was not unpacked, because it contains {twice[0]} twice")
    if clash := sorted({folder.rstrip("/") for folder in _folders(names)} & set(names)):
        raise NoisegridError(f"{path} was not unpacked, because {clash[0]} is both a file and a folder")
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise NoisegridError(f"{path} was not unpacked, because its entries declare more bytes than the file has")


def _harm(entry: zipfile.ZipInfo) -> str:
    """Return the reason why an entry cannot come from `write`; return an empty string if there is no such reason."""
    name = entry.orig_filename
    kind, parts = (FOLDER, name[:-1].split("/")) if name.endswith("/") else (FILE, name.split("/"))
    if any(part in {"", ".", ".."} for part in parts) or "\\" in name or ":" in parts[0] or not name.isprintable():
        return f"the entry {name!r} does not name a file inside the crate"
    if stat.S_IFMT(entry.external_attr >> 16) != stat.S_IFMT(kind):
        return f"the entry {name} is a link, or is not marked as a regular file or folder"
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        return f"the entry {name} is compressed"
    if entry.flag_bits & 1:
        return f"the entry {name} is encrypted"
    return ""


def _extract(archive: zipfile.ZipFile, folder: Path) -> Iterator[str]:
    for entry in archive.infolist():
        target = folder / entry.filename
        try:
            (target if entry.is_dir() else target.parent).mkdir(parents=True, exist_ok=True)
            if entry.is_dir():
                continue
            with archive.open(entry) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file, COPY_BYTES)
        except OSError as error:  # this machine is the cause, e.g. its disk is full or the name is too long
            raise NoisegridError(f"cannot unpack {entry.filename!r}: {error.strerror or error}") from error
        except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, RuntimeError) as error:
            target.unlink(missing_ok=True)
            yield f"{entry.filename} is damaged in the archive ({error})"


def is_as_written(path: Path, folder: Path) -> bool:
    """Return whether a zip has exactly the bytes that `write` would produce from the files in a folder."""
    entries = {str(file.relative_to(folder)): file for file in folder.rglob("*") if file.is_file()}
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        again = Path(place) / "again.zip"
        _write(entries, again)
        return _same_bytes(path, again)


def _same_bytes(path: Path, other: Path) -> bool:
    if path.stat().st_size != other.stat().st_size:
        return False
    with path.open("rb") as first, other.open("rb") as second:
        while block := first.read(COPY_BYTES):
            if block != second.read(COPY_BYTES):
                return False
    return True
