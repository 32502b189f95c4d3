"""Find files in and below a folder, except hidden ones."""

from collections.abc import Iterator
from pathlib import Path


def visible(folder: Path, pattern: str) -> Iterator[Path]:
    """Yield the files that match a pattern, except those that are hidden or in a hidden folder below the given one."""
    for path in folder.glob(pattern):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts) and path.is_file():
            yield path
