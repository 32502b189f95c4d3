"""The number of replicates and device-hours that a study needs, estimated before anything is submitted.

If a pilot was run (`snakemake pilot`), the hours are computed from the time that the pilot measured. Otherwise, they
are estimated. A step takes the longer of two times. The first is the time of the arithmetic: the number of operations
divided by the speed that convolutional networks reach in practice (a share of the device's peak speed). The second is
the time in which the host launches the kernels of the step, which limits small networks. No GPU has confirmed these
estimates yet; the pilot measures. On a CPU, the two times add up.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.common.paths import StudyPaths
from noisegrid.common.schemas import check
from noisegrid.runtime.hardware import entry
from noisegrid.study.kinds import training_examples
from noisegrid.study.sharing import on_one_device
from noisegrid.study.study import Study

#: The share of the device's peak speed that training reaches, by precision.
REACHED = {"fp32": 0.35, "amp_fp16": 0.15, "amp_bf16": 0.15}
#: The host's time in seconds for one kernel of an eager PyTorch step: the operator's checks, autograd and the launch.
#: This is an assumption, a usual order of magnitude on servers.
LAUNCH_S = 10e-6
#: What one core of a CPU reaches under AVX2: 10^12 operations per second and, besides, the seconds of one operator. On
#: an Intel Xeon at 2.5 GHz, six tasks took 0.7 to 1.5 times as long as this says (benchmarks/cpu_pace.py).
CORE_TFLOPS, OPERATOR_S = 0.025, 50e-6


@dataclass(frozen=True)
class Pace:
    """The time that one replicate takes.

    Attributes
    ----------
    hours : float
        The device-hours of one replicate.
    threads : int
        The number of CPU threads that one replicate uses, in all its processes together.
    measured : bool
        Whether a pilot measured the time. If False, the time is estimated.
    """

    hours: float
    threads: int
    measured: bool


@dataclass(frozen=True)
class Estimate:
    """The number of cells and replicates of a task on one kind of hardware, and the time that a replicate takes.

    Attributes
    ----------
    hardware, task : str
        The names of the hardware entry and the task.
    cells : int
        The number of cells.
    replicates : int
        The number of replicates in all cells.
    pace : Pace or None
        The time that one replicate takes; None if it is unknown.
    at_a_time : int
        The number of replicates that train on the device at the same time (`share_gpu`).
    """

    hardware: str
    task: str
    cells: int
    replicates: int
    pace: Pace | None
    at_a_time: int = 1

    @property
    def hours(self) -> float | None:
        """The device-hours of all replicates; None if the pace is unknown.

        Replicates that share a GPU are assumed not to slow each other down, so the hours are the least that they take.
        """
        return None if self.pace is None else self.replicates * self.pace.hours / self.at_a_time


def estimates(study: Study, results: Path) -> list[Estimate]:
    """Return one estimate for each task on each kind of hardware in a study; `results` is the folder of all results."""
    found = []
    for hardware, task in study.tasks:
        cells = study.siblings(hardware, task)
        replicates = sum(cell.replicates for cell in cells)
        one = pace(study, hardware, task, results) or cpu_pace(study, hardware, task)
        found.append(Estimate(hardware, task, len(cells), replicates, one, on_one_device(study.share_gpu, hardware)))
    return found


def pace(study: Study, hardware: str, task: str, results: Path) -> Pace | None:
    """Return the pace of a task on the given hardware, or None if it is unknown.

    If a pilot ran with the current settings of the task and the hardware, return the pace that it measured. Otherwise,
    estimate the pace. This requires the peak speed of the device and the number of operations of the task; if one of
    these two numbers is missing, the pace is unknown. If the number of launches or of training examples is missing,
    the time of the launches is not considered.
    """
    path = pilot_file(results, study, hardware, task)
    if path.exists() and (measured := _measured(path, study.pace_identity(hardware, task))):
        return measured
    device, needs = entry(hardware), study.requirements.get(task, {})
    if device.tflops is None or "tflop_per_epoch" not in needs:
        return None
    recipe = study.siblings(hardware, task)[0].settings["task"]
    arithmetic = needs["tflop_per_epoch"] / (device.tflops * REACHED[device.precision])
    examples = training_examples(recipe, study.datasets[recipe["dataset"]]) or 0
    launches = needs.get("launches_per_step", {}).get(device.precision, 0)
    launching = math.ceil(examples / recipe["batch_size"]) * launches * LAUNCH_S
    return Pace(recipe["epochs"] * max(arithmetic, launching) / 3600, recipe.get("world_size", 1), measured=False)


def cpu_pace(study: Study, hardware: str, task: str) -> Pace | None:
    """Return the estimated pace of a task on a CPU under AVX2, or None if it is unknown.

    It is for readers: processors differ too much for jobs to be packed by it. Each replicate has one thread.
    """
    device, needs = entry(hardware), study.requirements.get(task, {})
    launches = needs.get("launches_per_step", {}).get(device.precision)
    if device.device != "cpu" or device.kernels["held"]["aten"] != "avx2" or launches is None:
        return None
    recipe = study.siblings(hardware, task)[0].settings["task"]
    examples = training_examples(recipe, study.datasets[recipe["dataset"]])
    if "tflop_per_epoch" not in needs or examples is None:
        return None
    steps = math.ceil(examples / recipe["batch_size"])
    seconds = recipe["epochs"] * (needs["tflop_per_epoch"] / CORE_TFLOPS + steps * launches * OPERATOR_S)
    return Pace(seconds / 3600, recipe.get("world_size", 1), measured=False)


def pilot_file(results: Path, study: Study, hardware: str, task: str) -> Path:
    """Return the path of the file to which the pilot of a task writes the measured pace."""
    return Path(StudyPaths(str(results), study.name).pilot(hardware, task))


def _measured(path: Path, identity: str) -> Pace | None:
    """Return the pace in a pilot file, or None if the settings of the task or the hardware changed after the pilot."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise NoisegridError(f"{path} cannot be read ({error}); delete it, and run `snakemake pilot` again") from error
    check(found, "pilot", str(path))
    return Pace(found["seconds_per_replicate"] / 3600, found["threads"], True) if found["of"] == identity else None
