"""Zip files that are reproducible (same files, same bytes) and safe to unpack even if their author is not trusted.

Entries are sorted, dated 1980 and stored without compression, so the bytes of a zip do not depend on the clock, the
file system or the version of zlib. Compression would save little, because most of a crate is floating-point numbers.
"""

import shutil
import stat
import struct
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import write_atomically
from noisegrid.crate.limits import DEPTH, DIRECTORY_BYTES, ENTRIES, NAME_BYTES

#: The earliest date that a zip file can store.
DATE = (1980, 1, 1, 0, 0, 0)
FILE, FOLDER = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755
COPY_BYTES = 1 << 20
#: Records at the end of a zip (APPNOTE.TXT 4.3.12 to 4.3.16): the length and the signature of each.
END, END64, LOCATOR, HEADER = (22, b"PK\5\6"), (56, b"PK\6\6"), (20, b"PK\6\7"), (46, b"PK\1\2")
#: Bytes of the extra field of an entry: 64-bit sizes and position take at most 32.
EXTRA_BYTES = 64


def write(entries: Mapping[str, Path], output: Path) -> None:
    """Write files and their parent folders into a zip.

    Parameters
    ----------
    entries : mapping of str to Path
        Name of the entry in the zip (a relative path with slashes) -> path of the file on disk.
    output : Path
        The zip to write.

    Raises
    ------
    NoisegridError
        If there are more files than `unpack` accepts, or if the zip cannot be written.
    """
    if (count := len(entries) + len(_folders(entries))) > ENTRIES:
        raise NoisegridError(f"{output} would have {count:,} entries, but {ENTRIES:,} are allowed; split the study")
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
    found = set[str]()
    for name in names:
        parent = name.rpartition("/")[0]
        while parent and f"{parent}/" not in found:
            found.add(f"{parent}/")
            parent = parent.rpartition("/")[0]
    return found


def unpack(path: Path, folder: Path, wanted: Callable[[str], bool] = lambda name: True) -> list[str]:
    """Unpack a zip, which must come from `write`, into a folder that contains nothing else.

    All names and sizes are checked before anything is unpacked. Damaged entries are left out.

    Parameters
    ----------
    path : Path
        The zip.
    folder : Path
        The folder to unpack into.
    wanted : callable
        Whether to unpack the file with the given name; all files by default.

    Returns
    -------
    list of str
        A sentence for each damaged entry.

    Raises
    ------
    NoisegridError
        If the file is not a zip, is truncated, is larger than `limits` allow, or contains something that `write` never
        writes: a name that leads out of the folder, a link, a name that occurs twice, a file without its folder, or a
        compressed or overlapping entry (which could fill the disk).
    """
    with opened(path, ENTRIES) as archive:
        _check_harmless(archive, path)
        return list(_extract(archive, folder, wanted))


def opened(path: Path, entries: int) -> zipfile.ZipFile:
    """Open a zip that Python wrote, after a look at the number and the sizes of the headers in its directory.

    The standard library reads the whole directory into memory, and its time for a header is quadratic in the length of
    the extra field. It also finds a zip inside another file, such as predictions.npz at the end of a truncated crate.

    Parameters
    ----------
    path : Path
        The zip.
    entries : int
        The largest number of entries to accept.

    Raises
    ------
    NoisegridError
        If the file is truncated, is not a zip, or has too many entries or too large headers.
    """
    if not path.exists():
        raise NoisegridError(f"there is no file {path}; give the path of the .crate.zip that `snakemake package` wrote")
    try:
        _check_directory(path, entries)
        return zipfile.ZipFile(path)
    except IsADirectoryError as error:
        raise NoisegridError(f"{path} cannot be opened as a crate: it is a folder; give the .crate.zip") from error
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise NoisegridError(f"{path} cannot be opened as a crate: {error}") from error


def _check_directory(path: Path, entries: int) -> None:
    """Walk through the directory of a zip without keeping it."""
    with path.open("rb") as file:
        begins = file.read(4)
        length = file.seek(0, 2)
        end = max(0, length - END[0])
        file.seek(end)
        tail = file.read()
        damaged = zipfile.BadZipFile(
            "it is truncated or damaged, as its directory is not at its end; copy it again"
            if begins == b"PK\3\4"
            else "it is not a zip; give the .crate.zip that `snakemake package` wrote"
            if begins
            else "it is empty; copy it again"
        )
        if len(tail) < END[0] or not tail.startswith(END[1]) or begins not in (b"PK\3\4", END[1]):
            raise damaged
        size, start = struct.unpack("<12xII2x", tail)
        file.seek(max(0, end - LOCATOR[0] - END64[0]))
        wide = file.read(END64[0] + LOCATOR[0])
        if wide[-LOCATOR[0] :].startswith(LOCATOR[1]) and wide.startswith(END64[1]):
            end -= LOCATOR[0] + END64[0]
            size, start = struct.unpack("<40xQQ", wide[: END64[0]])
        if start + size != end:
            raise damaged
        _limited(path, "directory has", size, DIRECTORY_BYTES, "bytes")
        file.seek(start)
        count = 0
        while file.tell() < end:
            header = file.read(HEADER[0])
            if len(header) < HEADER[0] or not header.startswith(HEADER[1]):
                raise damaged
            name, extra, comment = struct.unpack("<28xHHH12x", header)
            count += 1
            where = file.read(name)[:40].decode(errors="replace")
            _limited(path, f"entry {where!r} has a name of", name, NAME_BYTES, "bytes")
            _limited(
                path, f"entry {where!r} has an extra field and a comment of", extra + comment, EXTRA_BYTES, "bytes"
            )
            _limited(path, "directory has at least", count, entries, "entries")
            file.seek(extra + comment, 1)


def _limited(path: Path, what: str, found: int, limit: int, unit: str) -> None:
    if found > limit:
        raise NoisegridError(f"{path} was not unpacked, because its {what} {found:,} {unit} (limit: {limit:,})")


def _check_harmless(archive: zipfile.ZipFile, path: Path) -> None:
    entries = archive.infolist()
    for entry in entries:
        if why := _harm(entry):
            raise NoisegridError(f"{path} was not unpacked, because {why}")
    names = Counter(entry.filename for entry in entries)
    declared, length = 0, path.stat().st_size
    for entry in entries:
        name = entry.filename
        parent = name.rstrip("/").rpartition("/")[0]
        declared += entry.file_size
        if names[name] > 1:
            raise NoisegridError(f"{path} was not unpacked, because it contains {name} twice")
        if f"{name}/" in names:
            raise NoisegridError(f"{path} was not unpacked, because {name} is both a file and a folder")
        if parent and f"{parent}/" not in names:
            raise NoisegridError(f"{path} was not unpacked, because it contains {name} without an entry for {parent}/")
        if declared > length:
            raise NoisegridError(
                f"{path} was not unpacked, because its entries up to {name} declare {declared:,} bytes, but the file "
                f"has {length:,}"
            )


def _harm(entry: zipfile.ZipInfo) -> str:
    """Return the reason why an entry cannot come from `write`; return an empty string if there is no such reason."""
    name = entry.orig_filename
    kind, parts = (FOLDER, name[:-1].split("/")) if name.endswith("/") else (FILE, name.split("/"))
    if any(part in {"", ".", ".."} for part in parts) or "\\" in name or ":" in parts[0] or not name.isprintable():
        return f"the entry {name!r} does not name a file inside the crate"
    if len(parts) > DEPTH:
        return f"the entry {name!r} lies in more than {DEPTH} folders"
    if stat.S_IFMT(entry.external_attr >> 16) != stat.S_IFMT(kind):
        return f"the entry {name} is a link, or is not marked as a regular file or folder"
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        return f"the entry {name} is compressed"
    if entry.flag_bits & 1:
        return f"the entry {name} is encrypted"
    return ""


def _extract(archive: zipfile.ZipFile, folder: Path, wanted: Callable[[str], bool]) -> Iterator[str]:
    for entry in archive.infolist():
        if not entry.is_dir() and not wanted(entry.filename):
            continue
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
        return same_bytes(path, again)


def same_bytes(path: Path, other: Path) -> bool:
    """Return whether two files have the same bytes, reading one block at a time."""
    if path.stat().st_size != other.stat().st_size:
        return False
    with path.open("rb") as first, other.open("rb") as second:
        while block := first.read(COPY_BYTES):
            if block != second.read(COPY_BYTES):
                return False
    return True
