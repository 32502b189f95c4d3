"""The condition of a device during a timed block: clock, temperature, throttling, and use by other processes.

The condition of a GPU is read from NVML, and that of the CPU from /proc/stat and /proc/cpuinfo.
"""

import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.runtime import nvml

#: A block on the CPU counts as disturbed if other processes use more than this share of all cores.
FOREIGN_SHARE = 0.1
#: The reasons (nvml.REASONS) of temporary throttling. A block with such throttling counts as disturbed. A power cap is
#: only noted, because it is the normal state of a GPU under load.
THROTTLES = ("hw_slowdown", "hw_thermal_slowdown", "sw_thermal_slowdown", "hw_power_brake_slowdown")
#: The words with which the note of a disturbed block says why.
SHARED, THROTTLED = "other processes used", "throttled"


@dataclass(frozen=True)
class Condition:
    """The condition of a device during one block.

    Attributes
    ----------
    clock_mhz : float or None
        Clock of the GPU, or mean clock of the CPU's cores (MHz).
    temperature_c : float or None
        Temperature of the GPU (°C).
    disturbed : str
        The reason why the block should be timed again, or an empty string.
    note : str
        Anything else that a reader should know about the block, or an empty string.
    """

    clock_mhz: float | None = None
    temperature_c: float | None = None
    disturbed: str = ""
    note: str = ""


class CpuWatch:
    """An observer that measures how much other processes use the cores during a block."""

    def start(self) -> None:
        """Record the processor time used so far. Call this before a block of timed steps."""
        self._began = _busy_and_total(), time.process_time()

    def stop(self) -> Condition:
        """Stop observing, and return the condition of the CPU during the block."""
        (busy, total), own = self._began
        busy_now, total_now = _busy_and_total()
        if total_now == total:  # the block was shorter than a clock tick of Linux
            return Condition()
        ticks = os.sysconf("SC_CLK_TCK")
        foreign = (busy_now - busy) - (time.process_time() - own) * ticks
        share = max(0.0, foreign / (total_now - total))
        text = f"{SHARED} {share:.0%} of the cores" if share > FOREIGN_SHARE else ""
        return Condition(_cpu_mhz(), None, text)


class CudaWatch:
    """An observer that reads the clock, the temperature and the throttling of one GPU.

    `stop` must be called when the timed steps and at least one more step have been enqueued, and before the process
    waits for them. The GPU is then busy, so its clock is that under load, and the host has nothing left to launch for
    the timed steps, so the reading delays none of them. A reading takes microseconds (a call of a library, no process).
    A reading after the wait, or by a slow tool, would show the clock of an idle GPU.
    """

    def __init__(self, uuid: str) -> None:
        self.sensor = nvml.Sensor(uuid)  # opened here, because that takes longer than a step

    def start(self) -> None:
        """Do nothing, because `stop` reads the state of the GPU at the end of the block."""

    def stop(self) -> Condition:
        """Return the current condition of the GPU."""
        state = self.sensor.read()
        if state is None:
            return Condition(note="NVML did not answer")
        active = state.reasons
        names = [name for name in THROTTLES if active and name in active]
        notes = ["clock event reasons unknown"] if active is None else ["power cap"] if "sw_power_cap" in active else []
        disturbed = f"{THROTTLED}: {', '.join(names)}" if names else ""
        return Condition(state.clock_mhz, state.temperature_c, disturbed, "; ".join(notes))


def check_alone(uuid: str | None) -> None:
    """Raise an error if other processes compute on a GPU. Call this before this process uses the GPU.

    Parameters
    ----------
    uuid : str or None
        The UUID of the GPU, or None to check all GPUs of the machine.

    Raises
    ------
    NoisegridError
        If another process computes on the GPU, or if NVML does not say whether one does.
    """
    asked = [gpu.uuid for gpu in nvml.gpus()] if uuid is None else [uuid]
    answers = [nvml.processes(one) for one in asked]
    if not answers or None in answers:
        raise NoisegridError(
            "NVML did not say which processes compute on this GPU, so step times could be those of a shared one; "
            "install the package nvidia-ml-py and check the driver, or pass --allow-shared, which adds a note to the "
            "result"
        )
    others = [f"{process.pid}, {process.name}" for answer in answers for process in answer or []]
    if others:
        raise NoisegridError(
            f"other processes compute on this GPU (pid, name: {', '.join(others)}), so step times would be "
            "meaningless; wait until they end, choose another GPU with CUDA_VISIBLE_DEVICES, or pass --allow-shared, "
            "which adds a note to the result"
        )


def disturbance(notes: Sequence[str]) -> str:
    """Return in one sentence how many blocks were disturbed and how, or an empty string if none was.

    Parameters
    ----------
    notes : sequence of str
        The note of each block.
    """
    shares = [int(found[1]) for note in notes if (found := re.search(rf"{SHARED} (\d+)%", note))]
    throttled = [note for note in notes if THROTTLED in note]
    parts = []
    if shares:
        span = f"{min(shares)} %" if min(shares) == max(shares) else f"{min(shares)} to {max(shares)} %"
        parts.append(f"{len(shares)} of {len(notes)} blocks were disturbed by other processes ({span} of the cores)")
    if throttled:
        parts.append(f"{len(throttled)} of {len(notes)} blocks were throttled")
    remedy = "repeat on an idle machine" if shares else "repeat on a cooler device"
    return f"{'; '.join(parts)}; {remedy}." if parts else ""


def _busy_and_total() -> tuple[int, int]:
    """Return the number of busy clock ticks and of all clock ticks, each summed over the cores (see proc_stat(5))."""
    try:
        with Path("/proc/stat").open() as file:
            ticks = [int(word) for word in file.readline().split()[1:9]]
    except (OSError, ValueError):
        return 0, 0
    idle = ticks[3] + ticks[4]
    return sum(ticks) - idle, sum(ticks)


def _cpu_mhz() -> float | None:
    """Return the mean clock of the cores in MHz, or None where Linux does not report the clock."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    clocks = [float(line.partition(":")[2]) for line in lines if line.startswith("cpu MHz")]
    return sum(clocks) / len(clocks) if clocks else None
