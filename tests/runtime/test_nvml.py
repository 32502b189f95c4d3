"""NVML's answers: nothing stays open before a fork, and neither a driver nor the package is required."""

import os
import sys

import fake_pynvml
import pytest

from noisegrid.runtime import nvml

CARD = {"uuid": "GPU-1", "name": "NVIDIA H100", "apps": [[7, "a"]], "clock": 1980, "temperature": 50, "reasons": 4}


def test_every_question_closes_what_it_opened(monkeypatch):
    fake_pynvml.use(monkeypatch, CARD, driver="580.95")
    assert nvml.gpus() == [nvml.Gpu("GPU-1", "NVIDIA H100", 0)]
    assert nvml.driver() == "580.95"
    assert nvml.processes("GPU-1") == [nvml.ComputeProcess(7, "a")]
    assert fake_pynvml.opened == []


@pytest.mark.parametrize("missing", ["driver", "package"])
def test_nothing_is_known_without_driver_or_package(monkeypatch, missing):
    fake_pynvml.use(monkeypatch, CARD)
    if missing == "driver":
        monkeypatch.delenv("FAKE_NVML")
    else:
        monkeypatch.setitem(sys.modules, "pynvml", None)
    assert (nvml.gpus(), nvml.driver(), nvml.processes("GPU-1"), nvml.Sensor("GPU-1").read()) == ([], None, None, None)


def test_a_card_that_cannot_be_described_is_left_out(monkeypatch):
    fake_pynvml.use(monkeypatch, {"uuid": "GPU-0"}, CARD)
    assert nvml.gpus() == [nvml.Gpu("GPU-1", "NVIDIA H100", 1)]


def test_a_sensor_opens_once_and_again_after_a_fork(monkeypatch):
    monkeypatch.setattr(fake_pynvml, "opened", [])
    fake_pynvml.use(monkeypatch, CARD)
    sensor = nvml.Sensor("GPU-1")
    for _ in range(3):
        assert sensor.read() == nvml.State(1980.0, 50.0, frozenset({"sw_power_cap"}))
    assert len(fake_pynvml.opened) == 1
    child = os.fork()
    if child == 0:
        sensor.read()
        os._exit(fake_pynvml.opened[1:] != [os.getpid()])
    assert os.waitpid(child, 0)[1] == 0
