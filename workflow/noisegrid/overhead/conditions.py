"""What a device was doing while something was timed: clock, temperature, throttling, and whether others were using it.

CUDA devices are asked through nvidia-smi, the CPU through /proc/stat.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from noisegrid.common.commands import nvidia_smi
from noisegrid.common.errors import NoisegridError

#: Share of all cores that other processes may keep busy before a timing on the CPU counts as disturbed.
FOREIGN_SHARE = 0.1
#: Throttling that comes and goes; a power cap is a card's steady state under load, so it is noted, not waited out.
THROTTLES = ("hw_slowdown", "hw_thermal_slowdown", "sw_thermal_slowdown")


@dataclass(frozen=True)
class Condition:
    """The device during one block. disturbed: why its timing should not count, or nothing."""

    clock_mhz: float | None = None
    temperature_c: float | None = None
    disturbed: str = ""
    note: str = ""


class CpuWatch:
    """Whether other processes used the cores between `start` and `stop`."""

    def start(self) -> None:
        self._began = _busy_and_total(), time.process_time()

    def stop(self) -> Condition:
        (busy, total), own = self._began
        busy_now, total_now = _busy_and_total()
        if total_now == total:  # shorter than the kernel's clock tick
            return Condition()
        ticks = os.sysconf("SC_CLK_TCK")
        foreign = (busy_now - busy) - (time.process_time() - own) * ticks
        share = max(0.0, foreign / (total_now - total))
        text = f"other processes used {share:.0%} of the cores" if share > FOREIGN_SHARE else ""
        return Condition(_cpu_mhz(), None, text)


class CudaWatch:
    """Clock, temperature and throttling of one GPU, read when a block ends, while its clocks are still those of it."""

    def __init__(self, uuid: str) -> None:
        self.uuid = uuid

    def start(self) -> None:
        """Nothing to note: nvidia-smi tells the state of the moment."""

    def stop(self) -> Condition:
        fields = [
            "clocks.sm",
            "temperature.gpu",
            *(f"clocks_throttle_reasons.{name}" for name in (*THROTTLES, "sw_power_cap")),
        ]
        answer = nvidia_smi(f"--query-gpu={','.join(fields)}", f"--id={self.uuid}")
        if not answer:
            return Condition(note="nvidia-smi gave no answer")
        clock, temperature, *active = (value.strip() for value in answer[0].split(","))
        reasons = [name for name, state in zip(THROTTLES, active, strict=False) if state == "Active"]
        capped = "power cap" if active[-1] == "Active" else ""
        disturbed = f"throttled: {', '.join(reasons)}" if reasons else ""
        return Condition(_number(clock), _number(temperature), disturbed, capped)


def check_alone(uuid: str | None) -> None:
    """Refuse to time a GPU on which others compute. To be called before this process has a context on it."""
    lines = nvidia_smi("--query-compute-apps=gpu_uuid,pid,process_name")
    others = [line for line in lines if uuid is None or line.startswith(uuid)]
    if others:
        names = ", ".join(line.split(",", 1)[1].strip() for line in others)
        raise NoisegridError(
            f"other processes compute on this GPU (pid, name: {names}), so that no timing would mean anything; "
            "wait for them, choose another with CUDA_VISIBLE_DEVICES, or mark the result with --allow-shared"
        )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _busy_and_total() -> tuple[int, int]:
    """Clock ticks that all cores were busy, and in all (proc_stat(5))."""
    try:
        with Path("/proc/stat").open() as file:
            ticks = [int(word) for word in file.readline().split()[1:9]]
    except (OSError, ValueError):
        return 0, 0
    idle = ticks[3] + ticks[4]
    return sum(ticks) - idle, sum(ticks)


def _cpu_mhz() -> float | None:
    """Mean clock of the cores, where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    clocks = [float(line.partition(":")[2]) for line in lines if line.startswith("cpu MHz")]
    return sum(clocks) / len(clocks) if clocks else None
