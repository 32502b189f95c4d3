"""Derive the switches of a replicate from the noise of its cell, and apply seeds and switches.

Every source has its own random stream, derived from the root seed of the study (study/seeds.py). A free source gets a
different seed in every replicate; a held source gets the same seed in all replicates of a seed set. The record of a run
contains all seeds and switches, so that the run can be repeated from this record.

No framework accepts a seed for the source `impl`, so switches set it. On a CPU, these switches are the instruction
set of each numerical library (PyTorch's, or XLA) and the number of threads. Under the same switches, another processor
model may still compute other bits (docs/results/processors). On a TPU, there is no switch. On CUDA, a free `impl` means
the framework's default kernels with autotuning, and a held `impl` means deterministic algorithms. Three sources are
parts of `impl` on CUDA: `autotune` (cuDNN's benchmark mode), `cudnn_deterministic` (cuDNN's non-deterministic kernels,
see training/convolutions.py) and `atomics` (operators outside cuDNN). The sources of study/choices.py choose among the
values of a switch.
"""

import itertools
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from noisegrid.common.errors import NoisegridError
from noisegrid.runtime import xla
from noisegrid.runtime.devices import processor_features
from noisegrid.study.choices import choices, chosen
from noisegrid.study.seeds import draws, stream
from noisegrid.study.settings import Hardware

Flags = dict[str, Any]

#: For each backend of scaled_dot_product_attention, the function that allows or forbids it. It holds on a CPU, too.
SDPA_BACKENDS = {
    "flash": torch.backends.cuda.enable_flash_sdp,
    "efficient": torch.backends.cuda.enable_mem_efficient_sdp,
    "cudnn": torch.backends.cuda.enable_cudnn_sdp,
    "math": torch.backends.cuda.enable_math_sdp,
}

#: For each CPU library, the environment variable that sets its instruction set. The library reads this variable when it
#: first chooses a kernel.
CPU_VARIABLES = {"aten": "ATEN_CPU_CAPABILITY", "onednn": "ONEDNN_MAX_CPU_ISA", "mkl": "MKL_CBWR"}
AVX512 = {"avx512f", "avx512dq", "avx512bw", "avx512vl"}
#: For each value of the variables in CPU_VARIABLES, the features that the processor must report in /proc/cpuinfo. On a
#: processor that lacks one of these features, the value has no effect.
CPU_REQUIREMENTS = {
    "avx2": {"avx2", "fma"},
    "AVX2": {"avx2", "fma"},
    "avx512": AVX512,
    "AVX512": AVX512,
    "AVX512_CORE": AVX512,
    "AVX512_CORE_BF16": AVX512 | {"avx512_bf16"},
    "SSE41": {"sse4_1"},
    "SSE4_2": {"sse4_2"},
    "default": set(),
    "COMPATIBLE": set(),
}
#: The switches of `impl` on a CPU: the instruction set of each library, and the number of threads.
KERNELS = (*CPU_VARIABLES, "xla", "threads")
#: In place of an instruction set: the widest that the library finds.
LIBRARY_DEFAULT = ""


def derive_flags(
    hardware: Hardware,
    root: int,
    task: str,
    noise: str,
    replicate: int,
    crossed: Mapping[str, int] | None = None,
    seed_sets: int = 1,
) -> Flags:
    """Return the switches of one replicate.

    Parameters
    ----------
    hardware : Hardware
        The settings of the hardware. They pin the arithmetic (precision, TF32, memory format) of every replicate.
    root : int
        The root seed of the study.
    task, noise : str
        Names of the task and of the noise. The noise decides which sources are free.
    replicate : int
        Index of the replicate, from 0.
    crossed : mapping, optional
        In a crossed cell, the number of levels of each source that is crossed. A level of `impl` on a CPU is one
        combination of instruction sets and threads.
    seed_sets : int
        The number of seed sets. The replicates of each set go through the values of a source that chooses.

    Raises
    ------
    NoisegridError
        If this processor has fewer such combinations than a crossed cell has levels of `impl`.
    """
    free = draws(noise, replicate, crossed)
    pinned = {
        "precision": hardware.precision,
        "tf32": hardware.tf32,
        "memory_format": hardware.memory_format,
        "fill_memory": False,  # filling new memory costs time and changes no bit, as training writes before it reads
    }
    for source in free:
        if choices(source, hardware):  # without its source, a switch is not stated
            pinned[source] = chosen(source, hardware, free[source] // seed_sets)
    if hardware.is_cuda:
        return pinned | {"threads": 1} | _cuda_switches(set(free))
    if hardware.is_tpu:
        return pinned | {"deterministic": True, "threads": 1}
    kernels = hardware.kernels
    if "impl" not in free:
        return pinned | {"deterministic": True} | _supported(kernels["held"])
    environments = cpu_environments(kernels["free"])
    if crossed and crossed["impl"] > len(environments):
        raise NoisegridError(
            f"task {task}: `crossed` has {crossed['impl']} levels of impl, but this processor has only "
            f"{len(environments)} combinations of kernels; write at most {len(environments)} levels"
        )
    order = np.random.default_rng(stream(root, f"impl/{task}/{noise}")).permutation(len(environments))
    # combinations are drawn without replacement: if there are ten, each of ten replicates gets a different one
    place, count = free["impl"], len(environments)
    if math.gcd(seed_sets, count) > 1:  # otherwise, the replicates of a seed set would get some of them alone
        place = sum(divmod(place, seed_sets))
    return pinned | {"deterministic": True} | environments[order[place % count]]


def _cuda_switches(free: set[str]) -> Flags:
    """Return the switches of CUDA's kernels.

    ATen asks cuDNN for deterministic kernels if deterministic algorithms are on, or cuDNN's own switch is. So
    `atomics` turns the algorithms off and leaves cuDNN's switch on. `cudnn_deterministic` turns cuDNN's switch off, and
    training turns the algorithms off while a convolution runs (training/convolutions.py). Other cells do not state
    cuDNN's switch, which then equals `deterministic`.
    """
    flags: Flags = {
        "deterministic": free.isdisjoint({"impl", "atomics"}),
        "cudnn_benchmark": not free.isdisjoint({"impl", "autotune"}),
    }
    if not free.isdisjoint({"cudnn_deterministic", "atomics"}):
        flags["cudnn_deterministic"] = "cudnn_deterministic" not in free
    return flags


def init_flags() -> Flags:
    """Return the switches that are used while initial weights are drawn.

    They select the lowest instruction set of each library, which every x86-64 processor has. The weights had the same
    bits on all processor models that docs/results/processors compares; no library promises it for every model.
    """
    pinned = {"precision": "fp32", "tf32": False, "memory_format": "contiguous_format", "deterministic": True}
    pinned |= {"fill_memory": False}
    return pinned | _supported({"aten": "default", "onednn": "SSE41", "mkl": "COMPATIBLE", "threads": 1})


def held_flags(hardware: Hardware) -> Flags:
    """Return the switches, on the given hardware, of a replicate in which `impl` is held."""
    return derive_flags(hardware, root=0, task="", noise="control", replicate=0)


def cpu_environments(free: dict[str, list[Any]]) -> list[Flags]:
    """List the combinations of instruction sets and thread counts that this processor can run.

    If it can run none of them, list each thread count with the default instruction set of every library.

    Parameters
    ----------
    free : dict
        The instruction sets of each library and the thread counts to combine, from the hardware entry of the catalog.
    """
    names = [name for name in KERNELS if name in free]
    combinations = [dict(zip(names, values, strict=True)) for values in itertools.product(*(free[n] for n in names))]
    supported = [flags for flags in combinations if _supported(flags) == flags]
    return supported or [dict.fromkeys(names, LIBRARY_DEFAULT) | {"threads": threads} for threads in free["threads"]]


def _supported(flags: Flags) -> Flags:
    """Return the switches, with each instruction set that this processor lacks replaced by the library's default."""
    has = processor_features()
    return {
        name: value if name == "threads" or (has and CPU_REQUIREMENTS[value] <= has) else LIBRARY_DEFAULT
        for name, value in flags.items()
    }


def apply_flags(flags: Flags) -> None:
    """Set all switches of a run.

    Call this before the process computes anything, because the libraries read their switches only once.

    Raises
    ------
    NoisegridError
        If PyTorch does not use the requested instruction set.
    """
    for name, variable in CPU_VARIABLES.items():
        if flags.get(name):
            os.environ[variable] = flags[name]
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch.set_num_threads(flags["threads"])
    set_switches(flags)
    _check_dispatch(flags)


def set_switches(flags: Flags) -> None:
    """Set the switches that can be changed at any time. Switches missing from `flags` get PyTorch's defaults."""
    deterministic: bool = flags.get("deterministic", False)
    tf32: bool | None = flags.get("tf32")
    torch.use_deterministic_algorithms(deterministic)
    torch.utils.deterministic.fill_uninitialized_memory = flags.get("fill_memory", True)  # type: ignore[attr-defined]
    torch.backends.cudnn.deterministic = flags.get("cudnn_deterministic", deterministic)
    torch.backends.cudnn.benchmark = flags.get("cudnn_benchmark", False)
    torch.backends.cudnn.allow_tf32 = flags.get("tf32_conv", True) if tf32 is None else tf32
    torch.backends.cuda.matmul.allow_tf32 = flags.get("tf32_matmul", False) if tf32 is None else tf32
    for backend, allow in SDPA_BACKENDS.items():
        allow(flags.get("sdpa_backend", backend) == backend)


def _check_dispatch(flags: Flags) -> None:
    """Check that ATen uses the requested instruction set, because the environment variable may have had no effect."""
    wanted = str(flags.get("aten", "")).upper()
    actual = torch.backends.cpu.get_cpu_capability()
    actual = "DEFAULT" if actual == "NO AVX" else actual  # older releases call it NO AVX
    if wanted and wanted != actual:
        raise NoisegridError(
            f"the run requires the instruction set {wanted}, but PyTorch uses {actual}: "
            f"either this processor lacks {wanted}, or the process computed something before its switches were set"
        )


def seed_global(seed: int, kind: str = "cpu") -> None:
    """Seed the generators from which initialisers and dropout draw: PyTorch's and, on a device of kind `xla`, XLA's."""
    torch.manual_seed(seed)
    if kind == "xla":
        xla.seed(seed)


def epoch_rng(seed: int, epoch: int) -> np.random.Generator:
    """Return the random generator of one epoch for a source such as `order` or `augment`, given the seed of the source.

    Each epoch has its own generator, so any epoch can be repeated without the epochs before it.
    """
    return np.random.default_rng(np.random.SeedSequence([seed, epoch]))


def move_one_weight(vector: np.ndarray, seed: int) -> np.ndarray:
    """Return a copy of a vector with one random value moved to the next larger or smaller float (source `one_ulp`)."""
    rng, moved = np.random.default_rng(seed), vector.copy()
    index, direction = rng.integers(len(vector)), rng.choice([-np.inf, np.inf])
    moved[index] = np.nextafter(vector[index], np.float32(direction))
    return moved
