"""The memory of a GPU that several replicates share: each gets a fixed part, whatever the others use.

cuDNN takes another algorithm where a workspace does not fit, so the bits of a run could depend on free memory. With a
fixed part, what a replicate can allocate depends on `share_gpu` alone.
"""

import torch

from noisegrid.runtime.hardware import OUTSIDE_ALLOCATOR_GB

_GB = 1024**3  # device memory of the catalog is in units of 2^30 bytes, as vendors count it
#: What `limit` set in this process: replicates on the GPU, and bytes that PyTorch may allocate.
_limit: dict[str, int] = {}


def limit(replicates: int) -> None:
    """Limit what PyTorch may allocate on this process's GPU, before it allocates anything there.

    Parameters
    ----------
    replicates : int
        The number of replicates that train on the GPU at the same time; 1 sets no limit.
    """
    if replicates == 1:
        return
    total = torch.cuda.get_device_properties(0).total_memory
    fraction = 1 / replicates - OUTSIDE_ALLOCATOR_GB * _GB / total
    torch.cuda.set_per_process_memory_fraction(fraction, 0)
    _limit.update(replicates_on_gpu=replicates, memory_limit_bytes=int(fraction * total))


def described() -> dict[str, int]:
    """Return the limit of this process for its record: replicates on the GPU and bytes; empty without a limit."""
    return dict(_limit)
