"""What a study will cost before anything is submitted: replicates, submissions, and device-hours.

Hours come from a pilot (`snakemake pilot`) where there was one, else from arithmetic (the task's counted operations
over the device's peak) at a share of the peak that small and large convolutional networks reach in practice: right
within a factor of about two for ResNets, too low for the smallest networks, which wait for kernel launches.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import check
from noisegrid.runtime.hardware import entry
from noisegrid.study.paths import StudyPaths
from noisegrid.study.study import Study

#: Share of the peak that training reaches, fp32 and mixed precision.
REACHED = {"fp32": 0.35, "amp_fp16": 0.15, "amp_bf16": 0.15}


@dataclass(frozen=True)
class Pace:
    """How long one replicate takes. hours: of one device; threads: of the CPU; measured: by a pilot."""

    hours: float
    threads: int
    measured: bool


@dataclass(frozen=True)
class Estimate:
    """A task on a hardware. pace: None where there was no pilot and the catalog does not know."""

    hardware: str
    task: str
    cells: int
    replicates: int
    pace: Pace | None

    @property
    def hours(self) -> float | None:
        """Device-hours of all replicates."""
        return None if self.pace is None else self.replicates * self.pace.hours


def estimates(study: Study, results: Path) -> list[Estimate]:
    """One line per task and hardware of a study. results: folder of all results, where pilots leave what they found."""
    found = []
    for hardware, task in study.tasks:
        cells = study.siblings(hardware, task)
        replicates = sum(cell.replicates for cell in cells)
        found.append(Estimate(hardware, task, len(cells), replicates, pace(study, hardware, task, results)))
    return found


def pace(study: Study, hardware: str, task: str, results: Path) -> Pace | None:
    """Of one replicate: measured, or else by arithmetic; None where peak or arithmetic are not known."""
    path = pilot_file(results, study, hardware, task)
    if path.exists() and (measured := _measured(path, study.pace_identity(hardware, task))):
        return measured
    device, needs = entry(hardware), study.requirements.get(task, {})
    if "tflops" not in device or "tflop_per_epoch" not in needs:
        return None
    epochs = study.siblings(hardware, task)[0].settings["task"]["epochs"]
    seconds = epochs * needs["tflop_per_epoch"] / (device["tflops"] * REACHED[device["precision"]])
    return Pace(seconds / 3600, 1, measured=False)


def pilot_file(results: Path, study: Study, hardware: str, task: str) -> Path:
    """Return the file in which the pilot of a task leaves what it found."""
    return Path(StudyPaths(str(results), study.name).pilot(hardware, task))


def _measured(path: Path, identity: str) -> Pace | None:
    """What a pilot found; None if it was of another recipe or hardware. Raises NoisegridError that names the file."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise NoisegridError(f"{path} cannot be read ({error}); delete it, and call `snakemake pilot` again") from error
    check(found, "pilot", str(path))
    return Pace(found["seconds_per_replicate"] / 3600, found["threads"], True) if found["of"] == identity else None
