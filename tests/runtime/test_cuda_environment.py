"""Variables that would change what CUDA computes are refused, and harmless ones are recorded."""

import os

import pytest

from noisegrid.common.errors import NoisegridError
from noisegrid.runtime import cuda_environment


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("CU", "NV", "TORCH", "PYTORCH")):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    "name",
    ["NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "CUBLAS_EMULATE_SINGLE_PRECISION",
     "CUBLAS_EMULATION_STRATEGY", "CUBLAS_FIXEDPOINT_EMULATION_MANTISSA_BIT_COUNT", "CUBLASLT_HEURISTICS_LUT_FILE",
     "PYTORCH_TUNABLEOP_ENABLED", "CUDNN_CONV_WSCAP_DBG", "TORCH_CUDNN_V8_API_DISABLED"],
)  # fmt: skip
def test_a_variable_that_changes_arithmetic_is_refused(monkeypatch, name):
    cuda_environment.check()
    monkeypatch.setenv(name, "1")
    with pytest.raises(NoisegridError, match=f"sets {name}, .*: unset {name}$"):
        cuda_environment.check()


def test_other_variables_are_recorded_but_no_path_device_or_secret(monkeypatch):
    kept = {"CUDA_LAUNCH_BLOCKING": "1", "CUDNN_LOGLEVEL_DBG": "2", "PYTORCH_CUDA_ALLOC_CONF": "x:1"}
    others = ("CUDA_HOME", "CUDA_VISIBLE_DEVICES", "NVIDIA_API_KEY", "CUDA_MPS_PIPE_DIRECTORY", "MINE")
    for name, value in {**kept, **dict.fromkeys(others, "secret")}.items():
        monkeypatch.setenv(name, value)
    cuda_environment.check()
    assert cuda_environment.recorded() == kept
