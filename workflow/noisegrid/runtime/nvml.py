"""What NVIDIA's driver says about this machine's GPUs: models, processes, clocks. The one module that calls NVML.

NVML is a library of the driver, which the package nvidia-ml-py (module `pynvml`) calls. Neither creates a CUDA context,
so a process may ask and fork afterwards. Nevertheless, each question but those of `Sensor` opens NVML and closes it
again, so that a forked process inherits nothing open. Without a driver, or without the package, there are no GPUs.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

#: NVML's bits for the reasons why a GPU runs below its highest clock (NVML API reference, nvmlClocksEventReasons).
REASONS = {
    "sw_power_cap": 0x4,
    "hw_slowdown": 0x8,
    "sw_thermal_slowdown": 0x20,
    "hw_thermal_slowdown": 0x40,
    "hw_power_brake_slowdown": 0x80,
}
_MIG_ENABLED = 1


@dataclass(frozen=True)
class Gpu:
    """A GPU, or a slice of one (MIG).

    Attributes
    ----------
    uuid, name : str
        The UUID, which begins with `GPU-` or `MIG-`, and the model name as CUDA reports it.
    index : int
        The number of the card in PCI_BUS_ID order; slices have the number of their card.
    """

    uuid: str
    name: str
    index: int


@dataclass(frozen=True)
class ComputeProcess:
    """A process that computes on a GPU; the name is `unknown` if the driver does not tell it."""

    pid: int
    name: str


@dataclass(frozen=True)
class State:
    """What a GPU's sensors say: SM clock (MHz), temperature (°C), names in REASONS. None is what it cannot say."""

    clock_mhz: float | None
    temperature_c: float | None
    reasons: frozenset[str] | None


def gpus() -> list[Gpu]:
    """Return the GPUs of this machine in PCI_BUS_ID order, without those that NVML cannot describe.

    A card in MIG mode cannot be used as a whole, so its slices take its place.
    """
    with _opened() as library:
        if library is None:
            return []
        found: list[Gpu] = []
        for index in range(_ask(library, "nvmlDeviceGetCount") or 0):
            handle = _ask(library, "nvmlDeviceGetHandleByIndex", index)
            handles = [] if handle is None else _slices(library, handle) if _is_mig(library, handle) else [handle]
            for one in handles:
                uuid, name = _ask(library, "nvmlDeviceGetUUID", one), _ask(library, "nvmlDeviceGetName", one)
                if uuid is not None and name is not None:
                    found.append(Gpu(_text(uuid), _text(name), index))
        return found


def driver() -> str | None:
    """Return the version of NVIDIA's driver, or None without one."""
    with _opened() as library:
        version = None if library is None else _ask(library, "nvmlSystemGetDriverVersion")
    return None if version is None else _text(version)


def processes(uuid: str) -> list[ComputeProcess] | None:
    """Return the processes that compute on a GPU or slice; None if NVML does not answer, which says nothing."""
    with _opened() as library:
        handle = None if library is None else _handle(library, uuid)
        running = None if handle is None else _ask(library, "nvmlDeviceGetComputeRunningProcesses", handle)
        if running is None:
            return None
        names = [_ask(library, "nvmlSystemGetProcessName", one.pid) for one in running]
    return [ComputeProcess(one.pid, _text(name or "unknown")) for one, name in zip(running, names, strict=True)]


class Sensor:
    """The sensors of one GPU. NVML stays open, so that a reading takes microseconds.

    A process that was forked from the one that made the sensor opens NVML for itself.

    Parameters
    ----------
    uuid : str
        The UUID of a GPU or of a slice.
    """

    def __init__(self, uuid: str) -> None:
        self.uuid = uuid
        self._open()

    def _open(self) -> None:
        self._pid = os.getpid()
        self._library = _loaded()
        self._handle = None if self._library is None else _handle(self._library, self.uuid)

    def read(self) -> State | None:
        """Return what the sensors say now, or None if NVML knows no such GPU."""
        if self._pid != os.getpid():
            self._open()
        library, handle = self._library, self._handle
        if library is None or handle is None:
            return None
        clock = _ask(library, "nvmlDeviceGetClockInfo", handle, library.NVML_CLOCK_SM)
        temperature = _ask(library, "nvmlDeviceGetTemperature", handle, library.NVML_TEMPERATURE_GPU)
        bits = _ask(library, "nvmlDeviceGetCurrentClocksEventReasons", handle)
        if bits is None:  # drivers before 535 know only the older name
            bits = _ask(library, "nvmlDeviceGetCurrentClocksThrottleReasons", handle)
        reasons = None if bits is None else frozenset(name for name, bit in REASONS.items() if bits & bit)
        return State(_number(clock), _number(temperature), reasons)


def _loaded() -> Any:
    """Return the module pynvml with NVML open, or None without the package or the driver."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


@contextmanager
def _opened() -> Iterator[Any]:
    """Yield pynvml with NVML open, or None, and close NVML at the end."""
    library = _loaded()
    try:
        yield library
    finally:
        if library is not None:
            _ask(library, "nvmlShutdown")


def _ask(library: Any, name: str, *arguments: Any) -> Any:
    """Call a function of NVML. Return None if this driver or this version of the package does not support it."""
    try:
        return getattr(library, name)(*arguments)
    except (library.NVMLError, AttributeError):
        return None


def _handle(library: Any, uuid: str) -> Any:
    handle = _ask(library, "nvmlDeviceGetHandleByUUID", uuid)
    return handle if handle is not None else _ask(library, "nvmlDeviceGetHandleByUUID", uuid.encode())


def _is_mig(library: Any, handle: Any) -> bool:
    modes = _ask(library, "nvmlDeviceGetMigMode", handle)  # the current mode and that after a reset
    return modes is not None and modes[0] == _MIG_ENABLED


def _slices(library: Any, card: Any) -> list[Any]:
    places = range(_ask(library, "nvmlDeviceGetMaxMigDeviceCount", card) or 0)
    found = [_ask(library, "nvmlDeviceGetMigDeviceHandleByIndex", card, place) for place in places]
    return [handle for handle in found if handle is not None]


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value  # old versions of the package return bytes


def _number(value: int | None) -> float | None:
    return None if value is None else float(value)
