"""Versions of the numerical libraries inside PyTorch, and the branch of kernels that MKL took."""

import ctypes
import re
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

#: The branches of MKL, by the number that mkl_cbwr_get returns. On processors of other vendors than Intel, MKL takes
#: AUTO if any branch but COMPATIBLE is asked for, without a message.
BRANCHES = {1: "off", 2: "AUTO", 3: "COMPATIBLE", 8: "SSE4_2", 9: "AVX", 10: "AVX2", 12: "AVX512", 14: "AVX512_E1"}
ALL_OPTIONS = -1


def versions() -> dict[str, str]:
    """Return the versions of the libraries that compute operators."""
    built = torch.__config__.parallel_info()  # torch.__config__.show() would make PyTorch choose its kernels
    return {
        "torch": torch.__version__,
        "MKL": _first(r"Math Kernel Library Version (\S+)", built),
        "oneDNN": _first(r"MKL-DNN (v\S+)", built),
        "NumPy": np.__version__,
    }


def mkl_branch() -> str:
    """Return the branch of MKL's kernels that this process computes with. Call this after switches are set."""
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"))
        number = library.mkl_serv_cbwr_get(ALL_OPTIONS)
        return BRANCHES.get(number, f"number {number}")
    return "unknown"


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else "none"
