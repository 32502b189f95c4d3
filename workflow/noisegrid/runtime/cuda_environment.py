"""Environment variables that change what CUDA libraries compute: some are refused, the others are recorded."""

import os
import re

from noisegrid.common.errors import NoisegridError

#: Variables that change the arithmetic or the choice of kernels, past the switches that a record contains. Sources:
#: NVIDIA's documentation of cuBLAS (emulation) and cuDNN (workspace cap, errata), and PyTorch's Context.cpp,
#: Conv_v8.cpp and CUDABlas.cpp.
REFUSED = re.compile(
    "NVIDIA_TF32_OVERRIDE|TORCH_ALLOW_TF32_CUBLAS_OVERRIDE|CUBLAS_EMULAT.*|CUBLASLT_EMULAT.*|CUDNN_CONV_WSCAP_DBG|"
    "CUDNN_ERRATA_JSON_FILE|TORCH_CUDNN_V8_API_(DISABLED|DEBUG)|TORCH_CUDNN_USE_HEURISTIC_MODE_B|"
    "TORCH_CUDNN_V8_API_LRU_CACHE_LIMIT|TORCH_CUDNN_SDPA_.*|TORCH_BLAS_PREFER_CUBLASLT"
)
#: Variables that are recorded: all others of these libraries.
RECORDED = re.compile(
    "(CUDA|CUBLAS|CUBLASLT|CUDNN|NVIDIA|TORCH_CUDNN|NVRTC)_.*|PYTORCH_(CUDA_)?ALLOC_CONF|PYTORCH_NO_CUDA_MEMORY_CACHING"
)
#: Not recorded: places on this machine, the choice of a device (the record has its UUID), and what may be a secret.
LEFT_OUT = re.compile(".*(PATH|HOME|ROOT|DIR|DIRECTORY|FILE|VISIBLE_DEVICES|KEY|TOKEN|SECRET|PASSWORD|_URL)")


def check() -> None:
    """Raise NoisegridError if the environment has a variable that would change the arithmetic of training on CUDA."""
    found = sorted(name for name in os.environ if REFUSED.fullmatch(name))
    if found:
        raise NoisegridError(
            f"the environment sets {', '.join(found)}, which changes what CUDA computes, past the hardware entry; "
            f"unset it: unset {' '.join(found)}"
        )


def recorded() -> dict[str, str]:
    """Return the variables of CUDA and its libraries that a record contains, by name."""
    names = [name for name in os.environ if RECORDED.fullmatch(name) and not LEFT_OUT.fullmatch(name)]
    return {name: os.environ[name] for name in sorted(names)}
