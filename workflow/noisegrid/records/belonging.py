"""Whether a replicate on disk belongs to a cell: its settings, its code, its software and its image are the cell's."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError
from noisegrid.common.paths import StudyPaths
from noisegrid.records.record import entry, is_unpinned, read_record
from noisegrid.study.study import Cell, changed_settings

#: Keys of a record that must have the same value in all replicates of a cell. The settings and the container
#: image must be the same too.
SHARED = ("code.training_digest", "code.network_digest", "device.model", "software.torch", "dataset.digest")
#: What a value in SHARED is about, for messages.
MEANING = {
    "code.training_digest": "other training code (study/seeds.py or training/)",
    "code.network_digest": "other code of its network (networks/)",
}


def check_settings(results: Path, cells: Iterable[Cell]) -> None:
    """Refuse to add replicates to cells whose existing replicates were trained with different settings.

    This check runs before any work starts, and reads one record per cell. When a cell is measured later, every record
    is checked.

    Raises
    ------
    NoisegridError
        If the settings of a record differ from those of its cell.
    """
    for cell in cells:
        for record, folder in _first_record(results, cell):
            check_belongs(record, cell, folder)


def shared_keys(cell: Cell) -> tuple[str, ...]:
    """Return the keys of a record that must have the same value in all replicates of a cell.

    Where the stack is whatever is installed, these include the digest of all installed packages.
    """
    return (*SHARED, "software.environment") if is_unpinned(cell.settings) else SHARED


def check_shared(results: Path, cell: Cell, now: dict[str, Any]) -> None:
    """Check that a new job trains under the same conditions as the first finished replicate of a cell.

    The conditions are the values of the keys in SHARED, such as the PyTorch version.

    Parameters
    ----------
    results : Path
        The folder of all results.
    cell : Cell
        The cell to add replicates to.
    now : dict
        The conditions of the new job: the values of all or some keys in SHARED.

    Raises
    ------
    NoisegridError
        If one of these values differs from the value in the record of the replicate.
    """
    for record, folder in _first_record(results, cell):
        for key, value in now.items():
            if entry(record, key) != value:
                raise NoisegridError(
                    f"{folder} was trained with {MEANING.get(key, f'another {key}')} ({entry(record, key)}; now "
                    f"{value}), but all replicates of a cell must have the same value; restore the earlier value (used "
                    f"at commit {record['code']['git_commit']}), or give the study another name, or delete "
                    f"{folder.parent} to train the cell again"
                )


def check_images(results: Path, cells: Iterable[Cell], image: dict[str, Any] | None) -> None:
    """Refuse to add replicates to cells whose existing replicates were trained in a different container image.

    This check runs before any work starts. `image` describes the image of the new jobs; it is None if they run outside
    containers.

    Raises
    ------
    NoisegridError
        If the first finished replicate of a cell was trained in a different image.
    """
    for cell in cells:
        for record, folder in _first_record(results, cell):
            check_image(record, image, folder)


def _first_record(results: Path, cell: Cell) -> Iterator[tuple[dict[str, Any], Path]]:
    """Yield the record and the folder of the first finished replicate of a cell, if there is one."""
    finished = sorted(Path(StudyPaths(str(results), cell.study).replicates(cell.path)).glob("[0-9]*/record.json"))
    for path in finished[:1]:
        yield read_record(path.parent), path.parent


def check_belongs(record: dict[str, Any], cell: Cell, folder: Path) -> None:
    """Refuse a replicate whose settings are not exactly those of its cell.

    Raises
    ------
    NoisegridError
        If the settings differ. The message lists the differences.
    """
    if record["settings_digest"] == cell.digest:
        return
    changes = changed_settings(record["settings"], cell.settings)
    raise NoisegridError(
        f"{folder} was trained with other settings than cell {cell.path} of study {cell.study} has now "
        f"({', '.join(changes) or 'its settings'}); {_keep_seed_sets(record['settings'], cell, changes)}give the study "
        f"another name, or delete {folder.parent} to train the cell again"
    )


def _keep_seed_sets(settings: dict[str, Any], cell: Cell, changes: list[str]) -> str:
    """Return how to keep replicates that differ from their cell in the number of seed sets alone, else ``""``."""
    if len(changes) != 1 or not changes[0].startswith("seed_sets: "):
        return ""
    sets = int(settings.get("seed_sets", 1))
    more = f" with at least {2 * sets} replicates" if cell.replicates < 2 * sets else ""
    return f"to keep its replicates, write `seed_sets: {sets}` in its block of the study{more}; otherwise, "


def check_image(record: dict[str, Any], image: dict[str, Any] | None, folder: Path) -> None:
    """Refuse a replicate that was trained in a different container image, because a cell never mixes images.

    Raises
    ------
    NoisegridError
        If the image of the replicate and the image of this call have different definitions, or if only one of the two
        exists.
    """
    old, new = ((about or {}).get("definition", "outside of any image") for about in (record["container"], image))
    if old != new:
        raise NoisegridError(
            f"{folder} was trained in another container image than this call uses ({old}; now {new}); call "
            f"Snakemake as before, or give the study another name, or delete {folder.parent} to train the cell again"
        )
