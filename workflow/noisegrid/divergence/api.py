"""The public function `noisegrid.tracing`, for training code that has no step function."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from noisegrid.divergence import trace
from noisegrid.divergence.recorder import Recorder
from noisegrid.divergence.subjects import about, device_of


@contextmanager
def tracing(
    path: str | Path,
    network: nn.Module | None = None,
    optimizers: torch.optim.Optimizer | Sequence[torch.optim.Optimizer] = (),
) -> Iterator[None]:
    """Trace every operation of a block, and write the trace to a file when the block ends.

    The block counts as one step. If it raises an exception, the trace of what ran before it is written. Compare two
    traces with `noisegrid diverge`.

    Parameters
    ----------
    path : str or Path
        The file to write.
    network : nn.Module, optional
        The network. With it, operations have the paths of their layers, and the weights before and after the block are
        compared too. Without it, layers have the names of their classes.
    optimizers : Optimizer or sequence of Optimizer, optional
        The optimisers, whose state and settings are compared.

    Examples
    --------
    >>> import noisegrid
    >>> with noisegrid.tracing("run.trace", network, optimizer):  # doctest: +SKIP
    ...     train_one_batch()
    """
    listed = [optimizers] if isinstance(optimizers, torch.optim.Optimizer) else list(optimizers)
    recorder = Recorder(steps=1)
    try:
        with recorder.recording(network, listed):
            yield
    finally:
        recorder.end(network, listed)
        trace.write(Path(path), recorder.trace(about("block", str(path), (), {}, device_of(network))))
