"""The comparisons of two methods that a study requests with the key `versus`. A method is a task of the study."""

from collections.abc import Iterable
from typing import Any

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.runtime import devices
from noisegrid.study.sources import NOISES
from noisegrid.study.study import Cell, Versus

#: The noise of the compared cells if a comparison names none: everything that varies between two runs in practice.
NOISE = "algo_impl"


def comparisons(entries: list[dict[str, Any]], cells: Iterable[Cell], where: str, start: int = 0) -> tuple[Versus, ...]:
    """Return the comparisons of a study, one for each hardware entry on which both methods are measured.

    Parameters
    ----------
    entries : list of dict
        The value of the key `versus`.
    cells : iterable of Cell
        The cells of the study.
    where : str
        The file of the study, for error messages.
    start : int
        The index of the first entry, for error messages.

    Raises
    ------
    NoisegridError
        If a name is unknown, if no hardware has both cells, if the cells have different datasets, or if a comparison
        occurs twice. The message describes the first mistake.
    """
    by_name = {(cell.hardware, cell.task, cell.noise): cell for cell in cells}
    found: dict[tuple[str, ...], Versus] = {}
    for index, entry in enumerate(entries, start):
        here = f"{where}: versus[{index}]"
        for one in comparisons_of(entry, by_name, here):
            if one.names in found:
                raise NoisegridError(f"{here}: the comparison of {one.a} and {one.b} occurs twice; remove one of them")
            found[one.names] = one
    return tuple(found.values())


def comparisons_of(entry: dict[str, Any], cells: dict[tuple[str, str, str], Cell], here: str) -> list[Versus]:
    """Return the comparisons that one entry of `versus` requests; `cells` is keyed by hardware, task and noise."""
    a, b, noise = entry["a"], entry["b"], entry.get("noise", NOISE)
    tasks = list(dict.fromkeys(task for _, task, _ in cells))
    for key, task in (("a", a), ("b", b)):
        if task not in tasks:
            raise NoisegridError(f"{here}: {key}: {unknown('task', task, tasks)}")
    if a == b:
        raise NoisegridError(f"{here}: a and b are both {a}; name two tasks")
    if noise not in NOISES:
        raise NoisegridError(f"{here}: {unknown('noise', noise, NOISES)}")
    measured = list(dict.fromkeys(hardware for hardware, _, _ in cells))
    wanted = devices.named([entry["hardware"]], here) if "hardware" in entry else measured
    both = [name for name in wanted if all((name, task, noise) in cells for task in (a, b))]
    if not both:
        place = f"on {wanted[0]}" if len(wanted) == 1 else "on the same hardware"
        raise NoisegridError(
            f"{here}: {a} and {b} do not both have a cell with the noise {noise} {place}; add the cells, or name "
            "another noise or hardware"
        )
    datasets = [cells[both[0], task, noise].dataset for task in (a, b)]
    if datasets[0] != datasets[1]:
        raise NoisegridError(
            f"{here}: {a} has the dataset {datasets[0]} and {b} has {datasets[1]}; only accuracies on the same test "
            "set can be compared"
        )
    options = {key: entry[key] for key in ("unpaired", "margin") if key in entry}
    return [Versus(hardware, a, b, noise, **options) for hardware in both]
