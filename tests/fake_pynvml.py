"""A stand-in for the module pynvml: GPUs from the JSON text in FAKE_NVML, for this process and for those it starts.

FAKE_NVML has a list of cards: {uuid, name, slices?, apps?: [[pid, name]], clock?, temperature?, reasons?, older?}, and
`driver`. A value that is missing is one that the driver does not support.
"""

import json
import os
import sys
from types import SimpleNamespace

NVML_CLOCK_SM, NVML_TEMPERATURE_GPU = 1, 0
opened: list[int] = []


def use(monkeypatch, *cards: dict, driver: str = "580.1") -> None:
    """Make the GPUs of this process the given cards."""
    opened.clear()  # a sensor of an earlier test may still have it open
    monkeypatch.setitem(sys.modules, "pynvml", sys.modules[__name__])
    monkeypatch.setenv("FAKE_NVML", json.dumps({"cards": cards, "driver": driver}))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


class NVMLError(Exception):
    pass


def _cards():
    assert opened, "NVML was asked before nvmlInit"
    return json.loads(os.environ["FAKE_NVML"])["cards"]


def _value(handle, key):
    if key not in handle:
        raise NVMLError(f"{key} is not supported")
    return handle[key]


def nvmlInit():
    if "FAKE_NVML" not in os.environ:
        raise NVMLError("no driver")
    opened.append(os.getpid())


def nvmlShutdown():
    opened.pop()


def nvmlSystemGetDriverVersion():
    return json.loads(os.environ["FAKE_NVML"])["driver"]


def nvmlSystemGetProcessName(pid):
    for card in _cards():
        for number, name in card.get("apps") or []:
            if number == pid and name:
                return name
    raise NVMLError("not found")


def nvmlDeviceGetCount():
    return len(_cards())


def nvmlDeviceGetHandleByIndex(index):
    return _cards()[index]


def nvmlDeviceGetHandleByUUID(uuid):
    for card in _cards():
        for one in [card, *card.get("slices", [])]:
            if one["uuid"] == uuid:
                return one
    raise NVMLError("not found")


def nvmlDeviceGetUUID(handle):
    return handle["uuid"]


def nvmlDeviceGetName(handle):
    return _value(handle, "name")


def nvmlDeviceGetMigMode(handle):
    return [int("slices" in handle)] * 2


def nvmlDeviceGetMaxMigDeviceCount(handle):
    return 7


def nvmlDeviceGetMigDeviceHandleByIndex(handle, index):
    if index >= len(handle["slices"]):
        raise NVMLError("not found")
    return handle["slices"][index]


def nvmlDeviceGetComputeRunningProcesses(handle):
    return [SimpleNamespace(pid=pid) for pid, _ in _value(handle, "apps")]


def nvmlDeviceGetClockInfo(handle, kind):
    assert kind == NVML_CLOCK_SM
    return _value(handle, "clock")


def nvmlDeviceGetTemperature(handle, kind):
    return _value(handle, "temperature")


def nvmlDeviceGetCurrentClocksEventReasons(handle):
    return _value(handle, "reasons")


def nvmlDeviceGetCurrentClocksThrottleReasons(handle):
    return _value(handle, "older")
