"""What a study will cost before anything is submitted: replicates, submissions, and device-hours.

Hours come from arithmetic (the task's counted operations over the device's peak) at a share of the peak that small and
large convolutional networks reach in practice: right within a factor of about two for ResNets, too low for the smallest
networks, which wait for kernel launches. Once replicates are finished, `noisegrid.status` knows the real pace.
"""

from dataclasses import dataclass

from noisegrid.hardware import entry
from noisegrid.study import Study

#: Share of the peak that training reaches, fp32 and mixed precision.
REACHED = {"fp32": 0.35, "amp_fp16": 0.15, "amp_bf16": 0.15}


@dataclass(frozen=True)
class Estimate:
    """A task on a hardware. hours: of one device, all replicates; None where the catalog does not know."""

    hardware: str
    task: str
    cells: int
    replicates: int
    hours: float | None


def estimates(study: Study) -> list[Estimate]:
    """One line per task and hardware of a study."""
    found = []
    for hardware, task in study.tasks:
        cells = study.siblings(hardware, task)
        replicates = sum(cell.replicates for cell in cells)
        each = hours_per_replicate(study, hardware, task)
        found.append(Estimate(hardware, task, len(cells), replicates, None if each is None else replicates * each))
    return found


def hours_per_replicate(study: Study, hardware: str, task: str) -> float | None:
    """Hours of one device for one replicate; None where the device's peak or the task's arithmetic is not known."""
    device, needs = entry(hardware), study.needs.get(task, {})
    epochs = study.siblings(hardware, task)[0].settings["task"]["epochs"]
    if "tflops" not in device or "tflop_per_epoch" not in needs:
        return None
    return float(epochs * needs["tflop_per_epoch"] / (device["tflops"] * REACHED[device["precision"]]) / 3600)
