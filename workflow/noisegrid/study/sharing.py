"""Checks of `share_gpu`, the number of replicates that train on one GPU at the same time."""

from collections.abc import Iterable
from typing import Any

from noisegrid.common.errors import NoisegridError
from noisegrid.runtime.hardware import entry, memory_budget_gb
from noisegrid.study.recipes import least_memory_gb
from noisegrid.study.study import Cell


def check_number(document: dict[str, Any], where: str) -> None:
    """Raise NoisegridError if `share_gpu` of a study file is true or false, as it was in earlier versions."""
    if isinstance(found := document.get("share_gpu"), bool):
        remedy = "write that number, such as share_gpu: 4" if found else "remove the key"
        raise NoisegridError(
            f"{where}: share_gpu: {str(found).lower()}: share_gpu is the number of replicates that train on one GPU at "
            f"the same time; {remedy}"
        )


def on_one_device(share_gpu: int, hardware: str) -> int:
    """Return how many replicates train on one device at the same time: `share_gpu` on a GPU, otherwise 1."""
    return share_gpu if entry(hardware).is_cuda else 1


def check_cells(cells: Iterable[Cell], share_gpu: int, tasks: dict[str, dict[str, Any]], where: str) -> None:
    """Check that each task fits into its part of a shared GPU, and that it has a cell that verifies the sharing.

    The runs of the cell `control` must have equal weights. If they have, sharing changes no bit.

    Parameters
    ----------
    cells : iterable of Cell
        The cells of the study.
    share_gpu : int
        The number of replicates that train on one GPU at the same time.
    tasks : dict
        The resolved tasks, by name.
    where : str
        The study file, for the error message.

    Raises
    ------
    NoisegridError
        If a task does not fit, or has no cell `control`. Cells on a CPU are not checked.
    """
    if share_gpu == 1:
        return
    noises: dict[tuple[str, str], set[str]] = {}
    for cell in cells:
        if entry(cell.hardware).is_cuda:
            noises.setdefault((cell.hardware, cell.task), set()).add(cell.noise)
    for (hardware, task), found in noises.items():
        device = entry(hardware)
        budget = None if device.memory_gb is None else memory_budget_gb(device.memory_gb, share_gpu)
        need = least_memory_gb(tasks[task], device.precision)
        if budget is not None and (budget <= 0 or need > budget):
            raise NoisegridError(
                f"{where}: task {task} needs at least {need:g} GB of device memory, but with share_gpu: {share_gpu} "
                f"each replicate on {hardware} has {max(budget, 0):.3g} GB; write a smaller share_gpu"
            )
        if "control" not in found:
            raise NoisegridError(
                f"{where}: share_gpu: {share_gpu} needs noise control for task {task} on {hardware}, because equal "
                "weights in that cell verify that sharing changes no bit; add control to its noise, or remove share_gpu"
            )
