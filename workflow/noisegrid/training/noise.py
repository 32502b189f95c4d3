"""Noise sources become seeds and switches. The only file that touches global RNG state or backend switches.

Every source is a stream of its own, derived from the study's root seed; a source left free gets another seed in every
replicate, a source held gets the same one. "Free" therefore never means "unrecorded": a run's seeds and switches, as
written to its record, say how to run it again.

`impl` has no seed that a framework would read. On a CPU it is which instruction set each numerical library uses and
how many threads a run has; on CUDA it is the framework's own kernels and autotuning (free) or deterministic algorithms
(held).
"""

import itertools
import os
import platform
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from noisegrid.common.errors import NoisegridError
from noisegrid.study.seeds import stream
from noisegrid.study.sources import FREE

Flags = dict[str, Any]

#: Environment variable by which each CPU library is told its instruction set; read at its first dispatch.
CPU_VARIABLES = {"aten": "ATEN_CPU_CAPABILITY", "onednn": "ONEDNN_MAX_CPU_ISA", "mkl": "MKL_CBWR"}
#: What the processor must report (/proc/cpuinfo) for a library's setting to mean what it says.
CPU_REQUIREMENTS = {
    "avx2": {"avx2", "fma"},
    "AVX2": {"avx2", "fma"},
    "avx512": {"avx512f", "avx512dq", "avx512bw", "avx512vl"},
    "AVX512_CORE": {"avx512f", "avx512dq", "avx512bw", "avx512vl"},
    "SSE41": {"sse4_1"},
    "default": set(),
    "COMPATIBLE": set(),
}
_LIBRARY_DEFAULTS: Flags = {"aten": "", "onednn": "", "mkl": ""}


def derive_flags(hardware: dict[str, Any], root: int, task: str, noise: str, replicate: int) -> Flags:
    """The switches of one replicate: what `impl` leaves free or holds, and the arithmetic, which is always pinned."""
    free, autotune = "impl" in FREE[noise], not FREE[noise].isdisjoint({"impl", "autotune"})
    pinned = {
        "precision": hardware["precision"],
        "tf32": hardware["tf32"],
        "memory_format": hardware["memory_format"],
    }
    if hardware["device"] == "cuda":
        return pinned | {"threads": 1, "deterministic": not free, "cudnn_benchmark": autotune}
    kernels = hardware["kernels"]
    if not free:
        return pinned | {"deterministic": True} | _supported(kernels["held"])
    environments = cpu_environments(kernels["free"])
    order = np.random.default_rng(stream(root, f"impl/{task}/{noise}")).permutation(len(environments))
    # drawn without repetition until all are used: ten replicates are ten different environments where there are ten
    return pinned | {"deterministic": True} | environments[order[replicate % len(environments)]]


def init_flags() -> Flags:
    """The switches under which initial weights are drawn, on every hardware: the instruction set that all x86 have."""
    pinned = {"precision": "fp32", "tf32": False, "memory_format": "contiguous_format", "deterministic": True}
    return pinned | _supported({"aten": "default", "onednn": "SSE41", "mkl": "COMPATIBLE", "threads": 1})


def held_flags(hardware: dict[str, Any]) -> Flags:
    """The switches of a replicate that holds `impl`."""
    return derive_flags(hardware, root=0, task="", noise="control", replicate=0)


def cpu_environments(free: dict[str, list[Any]]) -> list[Flags]:
    """Every combination of the catalog's instruction sets and thread counts that this processor can run."""
    names = ("aten", "onednn", "mkl", "threads")
    combinations = [dict(zip(names, values, strict=True)) for values in itertools.product(*(free[n] for n in names))]
    supported = [flags for flags in combinations if _supported(flags) == flags]
    return supported or [_LIBRARY_DEFAULTS | {"threads": threads} for threads in free["threads"]]


def _supported(flags: Flags) -> Flags:
    """The same switches, with a library's own default where this processor lacks the instruction set."""
    has = processor_features()
    return {
        name: value if name == "threads" or (has and CPU_REQUIREMENTS[value] <= has) else _LIBRARY_DEFAULTS[name]
        for name, value in flags.items()
    }


@cache
def processor_features() -> frozenset[str]:
    """Instruction-set flags of an x86 Linux processor; empty elsewhere, where the libraries take no such switches."""
    if platform.machine() not in {"x86_64", "AMD64"} or not Path("/proc/cpuinfo").exists():
        return frozenset()
    line = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    return frozenset(line.partition(":")[2].split())


def apply_flags(flags: Flags) -> None:
    """Set every switch of a run together. Must come before the process computes anything: libraries look only once."""
    for name, variable in CPU_VARIABLES.items():
        if flags.get(name):
            os.environ[variable] = flags[name]
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch.set_num_threads(flags["threads"])
    set_switches(flags)
    _check_dispatch(flags)


def set_switches(flags: Flags) -> None:
    """Set the framework's switches that may change while a process runs; those not named get PyTorch's defaults."""
    deterministic: bool = flags.get("deterministic", False)
    tf32: bool | None = flags.get("tf32")
    torch.use_deterministic_algorithms(deterministic)
    torch.utils.deterministic.fill_uninitialized_memory = flags.get("fill_memory", True)  # type: ignore[attr-defined]
    torch.backends.cudnn.deterministic = flags.get("cudnn_deterministic", deterministic)
    torch.backends.cudnn.benchmark = flags.get("cudnn_benchmark", False)
    torch.backends.cudnn.allow_tf32 = flags.get("tf32_conv", True) if tf32 is None else tf32
    torch.backends.cuda.matmul.allow_tf32 = flags.get("tf32_matmul", False) if tf32 is None else tf32


def _check_dispatch(flags: Flags) -> None:
    """ATen can be asked what it dispatches to: believe it, not the variable."""
    wanted = str(flags.get("aten", "")).upper()
    actual = torch.backends.cpu.get_cpu_capability()
    actual = "DEFAULT" if actual == "NO AVX" else actual  # as older releases call it
    if wanted and wanted != actual:
        raise NoisegridError(
            f"asked for the instruction set {wanted}, but PyTorch runs with {actual}: "
            "either this processor lacks it, or the process had computed something before its switches were set"
        )


def seed_global(seed: int) -> None:
    """Seed the framework's global generators, from which initialisers and dropout draw."""
    torch.manual_seed(seed)


def epoch_rng(seed: int, epoch: int) -> np.random.Generator:
    """The generator of one epoch of one stream (order, augment); nothing else goes in, so any epoch can be redone."""
    return np.random.default_rng(np.random.SeedSequence([seed, epoch]))


def move_one_weight(vector: np.ndarray, seed: int) -> np.ndarray:
    """The source `one_ulp`: a copy of (values,) in which one value, drawn by the seed, is the next float up or down."""
    rng, moved = np.random.default_rng(seed), vector.copy()
    index, direction = rng.integers(len(vector)), rng.choice([-np.inf, np.inf])
    moved[index] = np.nextafter(vector[index], np.float32(direction))
    return moved
