"""The condition of a device during a timed block: clock, temperature, throttling, and use by other processes.

The condition of a GPU is read from nvidia-smi, and that of the CPU from /proc/stat and /proc/cpuinfo.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from noisegrid.common.commands import nvidia_smi
from noisegrid.common.errors import NoisegridError

#: A block on the CPU counts as disturbed if other processes use more than this share of all cores.
FOREIGN_SHARE = 0.1
#: nvidia-smi's names for the reasons of temporary throttling. A block with such throttling counts as disturbed. A power
#: cap is only noted, because it is the normal state of a GPU under load.
THROTTLES = ("hw_slowdown", "hw_thermal_slowdown", "sw_thermal_slowdown")


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
        text = f"other processes used {share:.0%} of the cores" if share > FOREIGN_SHARE else ""
        return Condition(_cpu_mhz(), None, text)


class CudaWatch:
    """An observer that reads the clock, the temperature and the throttling of one GPU."""

    def __init__(self, uuid: str) -> None:
        self.uuid = uuid

    def start(self) -> None:
        """Do nothing, because `stop` reads the state of the GPU at the end of the block."""

    def stop(self) -> Condition:
        """Return the current condition of the GPU. Call this while the last steps run, to read the clock under load."""
        fields = [
            "clocks.sm",
            "temperature.gpu",
            *(f"clocks_throttle_reasons.{name}" for name in (*THROTTLES, "sw_power_cap")),
        ]
        answer = nvidia_smi(f"--query-gpu={','.join(fields)}", f"--id={self.uuid}")
        if not answer:
            return Condition(note="nvidia-smi did not respond")
        clock, temperature, *active = (value.strip() for value in answer[0].split(","))
        reasons = [name for name, state in zip(THROTTLES, active, strict=False) if state == "Active"]
        capped = "power cap" if active[-1] == "Active" else ""
        disturbed = f"throttled: {', '.join(reasons)}" if reasons else ""
        return Condition(_number(clock), _number(temperature), disturbed, capped)


def check_alone(uuid: str | None) -> None:
    """Raise an error if other processes compute on a GPU. Call this before this process uses the GPU.

    Parameters
    ----------
    uuid : str or None
        The UUID of the GPU, or None to check all GPUs of the machine.

    Raises
    ------
    NoisegridError
        If another process computes on the GPU.
    """
    lines = nvidia_smi("--query-compute-apps=gpu_uuid,pid,process_name")
    others = [line for line in lines if uuid is None or line.startswith(uuid)]
    if others:
        names = ", ".join(line.split(",", 1)[1].strip() for line in others)
        raise NoisegridError(
            f"other processes compute on this GPU (pid, name: {names}), so step times would be meaningless; wait until "
            "they end, choose another GPU with CUDA_VISIBLE_DEVICES, or pass --allow-shared, which adds a note to the "
            "result"
        )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


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
