"""A failure that is no defect of the code is reported in one sentence."""

import pytest
import torch

from noisegrid.common.errors import NoisegridError
from noisegrid.runtime import failures, gpu_sharing


@pytest.mark.parametrize(
    ("message", "short"),
    [
        ("GET was unable to find an engine to execute this computation", True),
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", True),
        ("CUDA error: out of memory", True),
        ("CUDA error: an illegal memory access was encountered", False),
    ],
)
def test_running_out_of_memory_has_many_names(message, short):
    assert failures.is_out_of_memory(RuntimeError(message)) is short


@pytest.mark.parametrize(
    ("message", "lost"),
    [
        ("CUDA error: CUDA-capable device(s) is/are busy or unavailable\nFor debugging consider", True),
        ("CUDA error: uncorrectable ECC error encountered", True),
        ("CUDA error: device-side assert triggered", False),  # a label outside of the classes, for example
        ("an unknown error of a reader", False),
    ],
)
def test_a_lost_gpu_is_told_from_a_defect(message, lost):
    assert failures.is_lost(RuntimeError(message)) is lost


def test_a_failure_that_can_be_mended_is_one_sentence(monkeypatch):
    assert failures.sentence(NoisegridError("as it is")) == "as it is"
    assert failures.sentence(ValueError("a defect")) == ""
    gone = RuntimeError("CUDA error: unknown error\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1")
    assert failures.sentence(gone) == "the GPU stopped working (CUDA error: unknown error)"
    full = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    assert failures.sentence(full) == (
        "out of memory (CUDA out of memory. Tried to allocate 2.00 GiB.); use hardware with more memory, or a smaller "
        "batch_size"
    )
    limits = {"replicates_on_gpu": 4, "memory_limit_bytes": 3 * 1024**3 + 1024**3 // 4}
    monkeypatch.setattr(gpu_sharing, "_state", limits)
    assert failures.sentence(full) == (
        "out of memory: with share_gpu: 4, a replicate has 3.25 GB of the GPU; write a smaller share_gpu"
    )
