"""The evaluations under other conditions that a study requests with the key `inference` (docs/invariance.md)."""

from collections.abc import Iterable
from typing import Any

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.runtime import devices
from noisegrid.study.study import Cell, Inference

#: The noise of the cell whose replicate is evaluated if an entry names none.
NOISE = "control"


def evaluations(
    entries: list[dict[str, Any]], cells: Iterable[Cell], where: str, start: int = 0
) -> tuple[Inference, ...]:
    """Return the evaluations of a study, one for each entry and each hardware that has the cell.

    Parameters
    ----------
    entries : list of dict
        The value of the key `inference`.
    cells : iterable of Cell
        The cells of the study.
    where : str
        The file of the study, for error messages.
    start : int
        The index of the first entry, for error messages.

    Raises
    ------
    NoisegridError
        If a cell or a replicate does not exist, if a cell is not trained on a CPU, if there are fewer examples than two
        batches, or if a cell is named twice. The message describes the first mistake.
    """
    by_path = {cell.path: cell for cell in cells}
    found: dict[str, Inference] = {}
    for index, entry in enumerate(entries, start):
        here = f"{where}: inference[{index}]"
        for one in _evaluations_of(entry, by_path, here):
            if one.cell in found:
                raise NoisegridError(f"{here}: the cell {one.cell} is named twice; remove one of them")
            found[one.cell] = one
    return tuple(found.values())


def _evaluations_of(entry: dict[str, Any], cells: dict[str, Cell], here: str) -> list[Inference]:
    noise = entry.get("noise", NOISE)
    all_hardware = dict.fromkeys(cell.hardware for cell in cells.values())
    wanted = devices.named([entry["hardware"]], here) if "hardware" in entry else list(all_hardware)
    options: dict[str, Any] = {key: tuple(entry[key]) for key in ("batch_sizes", "threads") if key in entry}
    options |= {key: entry[key] for key in ("replicate", "examples") if key in entry}
    named = [Inference(hardware, entry["task"], noise, **options) for hardware in wanted]
    there = [one for one in named if one.cell in cells]
    if not there:
        raise NoisegridError(f"{here}: {unknown('cell', named[0].cell, cells)}")
    for one in there:
        _check(one, cells[one.cell], here)
    return there


def _check(one: Inference, cell: Cell, here: str) -> None:
    if cell.settings["hardware"]["device"] != "cpu":
        raise NoisegridError(f"{here}: {one.cell} is not trained on a CPU; name hardware of a CPU")
    if one.replicate >= cell.replicates:
        raise NoisegridError(
            f"{here}: replicate {one.replicate} of {one.cell} does not exist; write 0 to {cell.replicates - 1}"
        )
    if one.examples < (least := 2 * max(one.batch_sizes)):
        raise NoisegridError(f"{here}: examples: {one.examples} are less than two batches; write {least} or more")
