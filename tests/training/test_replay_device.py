"""Which device a replay computes on: a GPU is claimed and limited as in the recorded job, a CPU needs nothing."""

import os

import fake_pynvml
import pytest
import torch

from noisegrid.common.errors import NoisegridError
from noisegrid.runtime import devices, gpu_sharing, machine
from noisegrid.training.replay import _other_processor, recorded_device

OLD = {
    "cell": {"hardware": "h100"},
    "settings": {"hardware": {"device": "cuda", "gpu": "H100", "stack": "here"}},
    "device": {"replicates_on_gpu": 4},
}


@pytest.fixture
def limits(monkeypatch, tmp_path):
    found: list[int] = []
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(gpu_sharing, "share", found.append)
    return found


def test_a_gpu_is_claimed_and_limited(monkeypatch, limits):
    fake_pynvml.use(monkeypatch, {"uuid": "GPU-1", "name": "NVIDIA H100 80GB HBM3"})
    with recorded_device(OLD):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-1"
    assert limits == [4] and "CUDA_VISIBLE_DEVICES" not in os.environ
    with recorded_device({**OLD, "device": {}}):  # a record of a replicate that had the GPU for itself
        assert limits == [4, 1]


def test_another_gpu_stack_or_arithmetic_is_refused(monkeypatch, limits):
    fake_pynvml.use(monkeypatch, {"uuid": "GPU-1", "name": "NVIDIA H200"})
    with pytest.raises(NoisegridError, match="requires GPU model H100, but this machine has NVIDIA H200"):
        recorded_device(OLD).__enter__()
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "1")
    with pytest.raises(NoisegridError, match="unset NVIDIA_TF32_OVERRIDE"):
        recorded_device(OLD).__enter__()
    monkeypatch.setattr(torch, "__version__", "2.1.0")
    catalog_stack = {**OLD, "settings": {"hardware": {"device": "cuda", "gpu": "H100"}}}
    with pytest.raises(NoisegridError, match=r"requires the stack torch2.12-cu130 .*has torch 2.1.0"):
        recorded_device(catalog_stack).__enter__()
    assert limits == []


def test_a_cpu_needs_nothing(monkeypatch, limits):
    fake_pynvml.use(monkeypatch)
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "1")
    with recorded_device({"settings": {"hardware": {"device": "cpu"}}}):
        assert limits == [] and "CUDA_VISIBLE_DEVICES" not in os.environ


def test_another_processor_counts_for_a_replicate_from_a_cpu_only(monkeypatch):
    here = {"model": "AMD EPYC", "host_processor": "AuthenticAMD family 25 model 17"}
    monkeypatch.setattr(machine, "device", lambda kind: here if kind == "cpu" else {})
    cpu = {"kind": "cpu", **here}
    assert _other_processor(cpu) == ""
    assert _other_processor({"kind": "cpu", "model": "AMD EPYC"}) == ""  # a record of an earlier release
    assert _other_processor({**cpu, "host_processor": ""}) == ""  # a machine that reports nothing
    found = _other_processor({**cpu, "host_processor": "AuthenticAMD family 23 model 49"})
    then, now = "AMD EPYC, AuthenticAMD family 23 model 49", "AMD EPYC, AuthenticAMD family 25 model 17"
    assert found.startswith(f"another processor model: {then} -> {now}: other bits are expected")
    assert _other_processor({**cpu, "kind": "cuda", "model": "H100", "host_processor": "another"}) == ""
