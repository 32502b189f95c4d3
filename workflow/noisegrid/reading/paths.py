"""The paths of the files of one side: files that are named, and files of a known format in folders that are named."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from noisegrid.common.errors import hint, why
from noisegrid.common.escape import terminal
from noisegrid.reading import formats
from noisegrid.reading.limits import ENTRIES, FILES, check_count
from noisegrid.reading.naming import most_similar
from noisegrid.reading.runs import CannotJudge


def expand(paths: Sequence[str]) -> list[Path]:
    """Return the files that paths stand for: themselves, or all files of a known format in a folder, in order of names.

    Hidden files are left out. A folder of a known format, such as the results of a study, stands for itself.

    Raises
    ------
    CannotJudge
        If a path does not exist or is named twice, or if there is nothing to read, or too much of it.
    """
    found: dict[tuple[int, int], Path] = {}
    try:
        for path in map(Path, paths):
            for identity, file in _files(path).items():
                if identity in found:
                    same = f"{terminal(str(file))} and {terminal(str(found[identity]))}"
                    raise CannotJudge(f"{same} are the same file; name it once")
                found[identity] = file
    except OSError as error:
        raise CannotJudge(f"cannot read {terminal(str(error.filename))}: {why(error)}") from error
    return list(found.values())


def _files(path: Path) -> dict[tuple[int, int], Path]:
    """Return the files that one path stands for, by their identity on the disk: a file with two links counts once."""
    if not path.exists():
        raise CannotJudge(_missing(path))
    if not path.is_dir() or formats.is_known(path):
        return {_identity(path): path}
    files: dict[tuple[int, int], Path] = {}
    for file in _search(path):
        files.setdefault(_identity(file), file)
        check_count(str(path), "files", len(files), FILES)
    if not files:
        raise CannotJudge(f"{terminal(str(path))} has no file of a format that noisegrid reads ({formats.names()})")
    return files


def _search(top: Path) -> Iterator[Path]:
    """Yield the files of a known format below a folder."""
    waiting, folders, count = [top], set(), 0
    while waiting:
        path = waiting.pop()
        count += 1
        check_count(str(top), "entries", count, ENTRIES)
        if formats.is_known(path):
            yield path
        elif path.is_dir() and (identity := _identity(path)) not in folders:  # a link may lead back to a folder
            folders.add(identity)
            waiting += reversed(_entries(path))


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _entries(folder: Path) -> list[Path]:
    """Return what is in a folder and not hidden, in order."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _missing(path: Path) -> str:
    """Return a message about a path that does not exist, with the most similar name in its folder."""
    name, folder = terminal(str(path)), terminal(str(path.parent.absolute()))
    if not path.parent.is_dir():
        return f"{name} does not exist, and neither does the folder {terminal(str(path.parent))}"
    if not (names := [entry.name for entry in _entries(path.parent)]):
        return f"{name} does not exist; the folder {folder} is empty"
    near = hint(path.name, most_similar(path.name, names), "it contains")
    return f"there is no file {terminal(path.name)} in the folder {folder}; {near}"
