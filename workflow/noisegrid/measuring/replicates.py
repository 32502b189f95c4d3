"""Read the finished replicates of a cell, and check that they belong together.

Every byte of a replicate is checked when the replicate is read. If two replicates differ in something that their cell
holds fixed, such as the weights in a control cell, the error message names both replicates.
"""

import itertools
from collections.abc import Iterable
from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.records import chunk_file
from noisegrid.records.belonging import check_belongs, shared_keys
from noisegrid.records.record import Replicate, entry, read, replicate_folder
from noisegrid.study.seeds import levels
from noisegrid.study.study import Cell


def load_replicates(cell: Cell, chunks: list[Path], results: Path) -> tuple[list[Replicate], dict[str, int]]:
    """Read the finished replicates of a cell, check every file, and count the replicates that diverged or failed.

    Parameters
    ----------
    cell : Cell
        The cell.
    chunks : list of Path
        The chunk files that list the replicates of the cell, and perhaps chunk files of other cells.
    results : Path
        Folder that contains the results of all studies.

    Returns
    -------
    tuple of list of Replicate and dict
        The finished replicates, and the number of lost replicates under the keys `diverged` and `failed`.

    Raises
    ------
    NoisegridError
        If a replicate is damaged or is not the one that its chunk file lists, or if fewer than two replicates finished.
    """
    finished, lost = [], {"diverged": 0, "failed": 0}
    for path in chunks:
        chunk = chunk_file.read(path).get(cell.path)
        if chunk is None:
            continue  # the chunk contains other cells
        lost = {fate: count + len(chunk[fate]) for fate, count in lost.items()}
        for number, expected in chunk["weight_hashes"].items():
            replicate = read(replicate_folder(results, cell, int(number)))
            check_belongs(replicate.record, cell, replicate.folder)
            if replicate.record["weight_hash"] != expected or replicate.record["replicate"] != int(number):
                raise NoisegridError(
                    f"{replicate.folder} is not the replicate that {path} lists; delete {path} and run Snakemake, "
                    "which writes it anew from the finished replicates"
                )
            finished.append(replicate)
    if len(finished) < 2:
        raise NoisegridError(
            f"{cell.path}: {len(finished)} of {cell.replicates} replicates finished; a spread needs two"
        )
    return finished, lost


def check_together(cell: Cell, replicates: list[Replicate]) -> None:
    """Raise NoisegridError if the replicates of a cell differ in something that the cell holds fixed.

    All replicates must have the same code, device model, version of torch and dataset. Within each seed set,
    the initial weights must be bitwise equal unless `init` is free. In a control cell, the final weights must be
    bitwise equal too. In a crossed cell, replicates with the same level of a source must have the same seed of it. With
    the same level of `init`, they must also have the same initial weights, and with the same level of `impl` the same
    switches.
    """
    _check_same(cell, replicates, shared_keys(cell))
    held = [] if "init" in cell.free else ["initial_weight_hash"]
    held += ["weight_hash"] if cell.noise == "control" else []
    for pair in range(cell.seed_sets):
        _check_same(cell, [r for r in replicates if r.record["replicate"] % cell.seed_sets == pair], held)
    more = {"init": ["initial_weight_hash"], "impl": ["flags"]}
    for source, level in ((source, level) for source, count in cell.crossed.items() for level in range(count)):
        sharing = [r for r in replicates if levels(cell.crossed, r.record["replicate"])[source] == level]
        _check_same(cell, sharing, [f"seeds.{source}", *more.get(source, [])], f"the level {level} of {source}")


def _check_same(cell: Cell, replicates: list[Replicate], keys: Iterable[str], holder: str = "this cell") -> None:
    for key, other in itertools.product(keys, replicates[1:]):
        values = [entry(replicate.record, key) for replicate in (replicates[0], other)]
        if values[0] != values[1]:
            raise NoisegridError(
                f"{cell.path}: {replicates[0].folder} and {other.folder} differ in {key} "
                f"({values[0]} and {values[1]}), which {holder} holds fixed"
            )
