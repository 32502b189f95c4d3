"""The memory of a GPU that several replicates share: each gets a fixed part, whatever the others use.

cuDNN takes another algorithm where a workspace does not fit, so the bits of a run could depend on free memory. With a
fixed part, what a replicate can allocate depends on `share_gpu` alone.
"""

import torch

from noisegrid.runtime.hardware import OUTSIDE_ALLOCATOR_GB

GB = 1024**3  # device memory of the catalog is in units of 2^30 bytes, as vendors count it
#: The replicates on this process's GPU and, once the limit is set, the bytes that PyTorch may allocate.
_state: dict[str, int] = {}


def share(replicates: int) -> None:
    """State how many replicates train on this process's GPU at the same time, without touching CUDA.

    Training forks a process for the initial weights, and CUDA must not be initialised before a fork.
    """
    _state.clear()
    if replicates > 1:
        _state["replicates_on_gpu"] = replicates


def limit() -> None:
    """Limit what PyTorch may allocate on the GPU, if it is shared. Call this before anything is allocated there."""
    if not _state:
        return
    total = torch.cuda.get_device_properties(0).total_memory
    fraction = 1 / _state["replicates_on_gpu"] - OUTSIDE_ALLOCATOR_GB * GB / total
    torch.cuda.set_per_process_memory_fraction(fraction, 0)
    _state["memory_limit_bytes"] = int(fraction * total)


def described() -> dict[str, int]:
    """Return the limit of this process for its record: replicates on the GPU and bytes; empty if it is not shared."""
    return dict(_state)
