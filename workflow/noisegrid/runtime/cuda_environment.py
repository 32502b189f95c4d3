"""Environment variables that change what CUDA libraries compute: some are refused, the others are recorded."""

import os
import re

from noisegrid.common.errors import NoisegridError

#: Variables that change the arithmetic or the choice of kernels, past the switches that a record contains. The names
#: were found in the libraries of the stack torch2.12-cu130 (libtorch_cuda, libtorch_cpu, cuBLAS, cuBLASLt). Those of
#: cuDNN cannot be read in its libraries; CUDNN_CONV_WSCAP_DBG is from its documentation.
REFUSED = re.compile(
    # TF32 where the hardware entry says fp32
    "NVIDIA_TF32_OVERRIDE|TORCH_ALLOW_TF32_CUBLAS_OVERRIDE|"
    # emulated arithmetic, and another choice among the kernels of matrix products
    "CUBLAS(LT)?_EMULAT.*|CUBLAS_FIXEDPOINT_EMULATION_.*|CUBLASLT_HEURISTICS_LUT_FILE|CUBLASLT_WORKSPACE_SIZE|"
    "TORCH_CUBLASLT_UNIFIED_WORKSPACE|TORCH_BLAS_PREFER_CUBLASLT|TORCH_LINEAR_FLATTEN_3D|PYTORCH_TUNABLEOP_.*|"
    # another choice among the kernels of convolutions and attention
    "CUDNN_CONV_WSCAP_DBG|CUDNN_ERRATA_JSON_FILE|CUDNN_FRONTEND_ATTN_DP_WORKSPACE_LIMIT|"
    "TORCH_CUDNN_V8_API_(DISABLED|DEBUG|LRU_CACHE_LIMIT)|TORCH_CUDNN_USE_HEURISTIC_MODE_B|TORCH_CUDNN_SDPA_.*"
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
