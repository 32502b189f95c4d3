"""Allocate what one of four replicates may allocate on null CUDA, a little less and a little more.

A line of JSON has the limit in bytes, and what is said about each allocation; an empty text if it fits.
"""

import json

import torch

from noisegrid.runtime import failures, gpu_sharing

STEP = 2 << 20  # large allocations of PyTorch are multiples of 2 MiB


def said(size: int) -> str:
    """Allocate and free so many bytes."""
    try:
        torch.empty(size, dtype=torch.uint8, device="cuda")
    except torch.OutOfMemoryError as error:
        return failures.sentence(error)
    finally:
        torch.cuda.empty_cache()
    return ""


if __name__ == "__main__":
    gpu_sharing.share(4)
    gpu_sharing.limit()
    limit = gpu_sharing.described()["memory_limit_bytes"]
    print(json.dumps([limit, said(limit - STEP), said(limit + STEP)]))
