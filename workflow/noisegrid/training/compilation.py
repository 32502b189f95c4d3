"""Train the compiled form of a network (source `compile`).

A compiled replicate compiles with an empty cache, in a folder of its own. Therefore, two compiled replicates of a cell
also tell whether compiling twice gives the same bits.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from noisegrid.common.commands import lines_of
from noisegrid.common.errors import NoisegridError, first_line

#: The folder in which PyTorch's compiler caches what it has compiled.
CACHE_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"
NEEDS = (
    "torch.compile needs a C++ compiler (g++, or what CXX names) and Python's headers, and on a GPU also Triton; "
    "install them, or remove the noise compile"
)


def forward_of(network: nn.Module, flags: Mapping[str, Any]) -> Callable[[Tensor], Tensor]:
    """Return what maps inputs to logits: the network or, if the switch `compile` is on, its compiled form.

    Every shape of a batch gets a graph of its own. If shapes could be generalised, a resumed run, which meets them in
    another order, would compile other graphs.
    """
    return torch.compile(network, dynamic=False) if flags.get("compile") else network


@contextmanager
def compiler_of(flags: Mapping[str, Any]) -> Iterator[None]:
    """Set up PyTorch's compiler for a run with these switches; do nothing unless `compile` is on.

    The cache is empty, and no processes are started. Dropout draws what it draws in an eager run. If the run is
    deterministic, no kernel is chosen by its time. A network with too many graphs is an error instead of an eager run.
    """
    if not flags.get("compile"):
        yield
        return
    from torch._dynamo import config as tracing
    from torch._inductor import config as code

    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="noisegrid-compiled-"))
        stack.enter_context(_variable(CACHE_VARIABLE, folder))
        stack.enter_context(_patched(tracing, fail_on_recompile_limit_hit=True))
        strict = bool(flags.get("deterministic"))
        stack.enter_context(_patched(code, compile_threads=1, fallback_random=True, deterministic=strict))
        yield


def _patched(config: ModuleType, **wanted: Any) -> Any:
    """Return a context with other settings of PyTorch's compiler. A release may lack some of them."""
    known = {name: value for name, value in wanted.items() if hasattr(config, name)}
    return config.patch(known)


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """Set an environment variable, and restore it at the end."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before


def compiler(flags: Mapping[str, Any]) -> dict[str, str]:
    """Return the version of the C++ compiler, for the record of a compiled run; nothing for other runs."""
    found = lines_of([os.environ.get("CXX", "g++"), "--version"]) if flags.get("compile") else None
    return {"cxx": found[0]} if found else {}


def check(device: str) -> None:
    """Compile a small function for a device. Call this before replicates are trained that need it.

    A process of its own compiles, because a process that has computed must not be forked any more.

    Raises
    ------
    NoisegridError
        If nothing can be compiled here. The message says what is needed.
    """
    try:
        with ProcessPoolExecutor(max_workers=1, mp_context=get_context("fork")) as executor:
            executor.submit(_compile_something, device).result()
    except BrokenProcessPool as error:
        raise NoisegridError(f"the process that tried torch.compile died; {NEEDS}") from error


def _compile_something(device: str) -> None:
    torch.set_num_threads(1)
    try:
        with compiler_of({"compile": True}):
            torch.compile(lambda x: x.sin() + 1)(torch.ones(8, device=device))
    except Exception as error:  # a compiler may raise any exception
        raise NoisegridError(f"nothing can be compiled here ({first_line(error)}); {NEEDS}") from None
