"""Failures of computations that are no defect of the code: the memory is full, the GPU is lost, or a kernel is missing.

PyTorch raises RuntimeError or a subclass of it for all. Which one it was, only its text says in every release.
"""

import torch

from noisegrid.common.errors import NoisegridError, first_line
from noisegrid.runtime import gpu_sharing

#: Texts that mean "out of memory" in errors other than torch.OutOfMemoryError. They come from the host, cuBLAS, CUDA
#: and cuDNN. The last text appears when cuDNN has tried all its execution plans without success.
OUT_OF_MEMORY = (
    "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDA error: out of memory", "CUDNN_STATUS_ALLOC_FAILED",
    "unable to find an engine to execute this computation",
)  # fmt: skip
#: Texts of CUDA's errors about a GPU that broke or was taken away (CUDA runtime API reference, cudaError_t).
LOST = (
    "no CUDA-capable device is detected", "device(s) is/are busy or unavailable", "uncorrectable ECC error",
    "hardware stack error", "unknown error",
)  # fmt: skip
#: Texts that mean that the SDPA backends that are switched on cannot compute an attention (PyTorch's sdp_utils.cpp).
NO_BACKEND = ("No viable backend for scaled_dot_product_attention was found", "No available kernel")


def sentence(error: Exception) -> str:
    """Return a sentence about a failure that the user can mend, or an empty string if the failure is a defect."""
    if isinstance(error, NoisegridError):
        return str(error)
    if is_out_of_memory(error):
        return _out_of_memory(error)
    if is_lost(error):
        return f"the GPU stopped working ({first_line(error)})"
    if any(text in str(error) for text in NO_BACKEND):
        return (
            "the SDPA backend of this replicate cannot compute the network's attention, for instance with dropout "
            "inside it; change the network, or remove the noise sdpa_backend"
        )
    return ""


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error means that the device or the host ran out of memory, whichever library raised it."""
    return isinstance(error, torch.OutOfMemoryError) or any(text in str(error) for text in OUT_OF_MEMORY)


def is_lost(error: Exception) -> bool:
    """Return whether an error means that the GPU broke or was taken away."""
    line = first_line(error)
    return line.startswith("CUDA error: ") and any(text in line for text in LOST)


def _out_of_memory(error: Exception) -> str:
    shared = gpu_sharing.described()
    if "memory_limit_bytes" not in shared:
        return f"out of memory ({first_line(error)}); use hardware with more memory, or a smaller batch_size"
    part = f"{shared['memory_limit_bytes'] / gpu_sharing.GB:.3g} GB"
    replicates = shared["replicates_on_gpu"]
    return f"out of memory: with share_gpu: {replicates}, a replicate has {part} of the GPU; write a smaller share_gpu"
