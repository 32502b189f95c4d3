"""The registry of sources and noises: which sources each noise leaves free, and how figures name and draw a noise.

To add a source beyond the paper, add one entry to PROBES and one to NOISES, and implement the source (see
CONTRIBUTING.md).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from noisegrid.study.settings import Hardware, Task

#: The sources of the paper. Each has its own random stream, whether it is free or held.
SOURCES = ("init", "order", "augment", "dropout", "impl")
#: Sources beyond the paper. Each is a part of one of the paper's sources, or the smallest possible disturbance. If a
#: probe is held, it does nothing.
PROBES = (
    *("in_batch_order", "one_ulp", "autotune", "cudnn_deterministic", "atomics", "sdpa_backend", "compile"),
    *("world_size", "bucket_mb"),
)
#: The sources that have no seed on CUDA, because the device decides. They are parts of the paper's `impl`.
UNSEEDED_ON_CUDA = frozenset({"impl", "autotune", "cudnn_deterministic", "atomics"})
#: The sources of the paper, except the implementation (`impl`).
ALGORITHMIC = frozenset(SOURCES) - {"impl"}


#: An entry of the network catalog; empty for a network that is not in it.
Network = Mapping[str, Any]
UNKNOWN: Network = {}
#: The function of attention, by its name in PyTorch and in the catalog.
ATTENTION = "scaled_dot_product_attention"


def _always(task: Task, hardware: Hardware, network: Network = UNKNOWN) -> str:
    return ""


def _without_augmentation(task: Task, hardware: Hardware, network: Network = UNKNOWN) -> str:
    if task.trainer:  # what the user's function does is not known
        return ""
    return "" if task.augment.pad > 0 or task.augment.flip or task.augment.resized_crop else "does not augment"


def _without_dropout(task: Task, hardware: Hardware, network: Network = UNKNOWN) -> str:
    return "" if task.dropout > 0 or task.trainer else "has no dropout"


def _without_switch(task: Task, hardware: Hardware, network: Network = UNKNOWN) -> str:
    no_switch = hardware.is_xla and not hardware.kernels
    return "runs through XLA on a device that has no switch for its kernels" if no_switch else ""


def _without_cudnn(task: Task, hardware: Hardware, network: Network = UNKNOWN) -> str:
    return "" if hardware.is_cuda else "runs on a device without cuDNN"


def _without_atomics(task: Task, hardware: Hardware, network: Network = UNKNOWN) -> str:
    # what a network outside the catalog contains is not known, so `atomics` is never missing for it on a GPU
    if network and "atomics" not in network:
        return _without_cudnn(task, hardware) or "has no operator outside cuDNN that uses atomic additions"
    return _without_cudnn(task, hardware)


def _without_backends(task: Task, hardware: Hardware, network: Network = UNKNOWN) -> str:
    if hardware.is_xla:
        return "runs through XLA, which has no backends of attention"
    # as for `atomics`: the catalog names attention among the operators that may vary
    is_known = network and ATTENTION not in network.get("atomics", [])
    return f"has no {ATTENTION}" if is_known else ""


def _without_compiler(task: Task, hardware: Hardware, network: Network = UNKNOWN) -> str:
    return "runs through XLA, which compiles every network" if hardware.is_xla else ""


def _without_worlds(task: Task, hardware: Hardware, network: Network = UNKNOWN) -> str:
    if hardware.device != "cpu":
        return "runs on a device on which several processes per replicate are not implemented"
    shared = any(map(task.divides_among, (2, 3, 4)))
    return "" if shared else f"has a batch of {task.batch_size}, which 2, 3 or 4 processes cannot share equally"


def _without_buckets(task: Task, hardware: Hardware, network: Network = UNKNOWN) -> str:
    # the sum of two numbers does not depend on their order, so only a third rank lets the place in a bucket matter
    if task.world_size < 3:
        return "has fewer than three processes (world_size), whose sums do not depend on the bucket"
    return ""


@dataclass(frozen=True)
class Noise:
    """A noise: the sources that a cell leaves free. All other sources are held.

    Attributes
    ----------
    name : str
        The name in studies, paths and tables.
    free : frozenset of str
        The free sources. For each of them, every replicate has a different seed, which is recorded.
    title : str
        The short name that readers of sentences, figures and tables see.
    colour : str
        The colour in figures (of Okabe and Ito for the paper's noises, which colour-blind readers can distinguish).
    marker : str or tuple of int
        The marker in figures, as Matplotlib names it. Every marker but that of `control` can be filled or open.
    missing : callable
        A function that takes the settings of a task and of the hardware, and the entry of the network in the catalog.
        It returns the reason why this noise has no effect, or an empty string if it has an effect. Call it through
        missing.why_missing, which looks the network up.
    meaning : str
        What the title means, for readers who cannot guess it; empty if it is plain.
    """

    name: str
    free: frozenset[str]
    title: str
    colour: str
    marker: str | tuple[int, int, int]
    missing: Callable[[Task, Hardware, Network], str] = _always
    meaning: str = ""


#: Every noise, in the order of tables and legends.
NOISES = {
    noise.name: noise
    for noise in (
        Noise("algo_impl", frozenset(SOURCES), "everything", "#000000", "o"),
        Noise(
            "algo",
            ALGORITHMIC,
            "all seeds",
            "#0072B2",
            "s",
            meaning="initial weights, order, augmentation and dropout",
        ),
        Noise(
            "impl",
            frozenset({"impl"}),
            "implementation",
            "#D55E00",
            "D",
            _without_switch,
            "the choice of kernels; on a CPU, instruction sets and number of threads",
        ),
        Noise("control", frozenset(), "control (nothing free)", "#8C8C8C", "x"),
        Noise("init", frozenset({"init"}), "initial weights", "#56B4E9", "^"),
        Noise("order", frozenset({"order"}), "data order", "#009E73", "v"),
        Noise("augment", frozenset({"augment"}), "augmentation", "#CC79A7", ">", _without_augmentation),
        Noise("dropout", frozenset({"dropout"}), "dropout", "#E69F00", "<", _without_dropout),
        Noise("in_batch_order", frozenset({"in_batch_order"}), "order inside batches", "#117733", (4, 1, 0)),
        Noise("one_ulp", frozenset({"one_ulp"}), "one weight by one ULP", "#882255", "*"),
        Noise("autotune", frozenset({"autotune"}), "cuDNN autotuning", "#AA4499", "P", _without_cudnn),
        Noise(
            "cudnn_deterministic",
            frozenset({"cudnn_deterministic"}),
            "kernels of cuDNN",
            "#332288",
            "X",
            _without_cudnn,
        ),
        Noise(
            "atomics",
            frozenset({"atomics"}),
            "atomic additions",
            "#999933",
            "h",
            _without_atomics,
        ),
        Noise(
            "sdpa_backend",
            frozenset({"sdpa_backend"}),
            "kernel of attention",
            "#CC6677",
            "p",
            _without_backends,
        ),
        Noise("compile", frozenset({"compile"}), "eager or compiled", "#44AA99", "d", _without_compiler),
        Noise("world_size", frozenset({"world_size"}), "number of processes", "#6699CC", (6, 1, 0), _without_worlds),
        Noise("bucket_mb", frozenset({"bucket_mb"}), "gradient buckets", "#661100", "8", _without_buckets),
    )
}
#: The free sources of each noise, keyed by noise.
FREE = {name: noise.free for name, noise in NOISES.items()}
#: What stands in place of a noise in the name of a crossed cell, whose free sources the study chooses.
CROSSED = "crossed"
#: The names of noises and crossed cells, in the order of tables.
NAMES = (*NOISES, CROSSED)
#: The note on a number that holds for a single choice of held seeds.
ONE_SEED_SET = "conditional on one seed set"


def holds_seeds(noise: str) -> bool:
    """Return whether a noise holds an algorithmic source, so that the replicates of its cells share held seeds."""
    return not FREE.get(noise, frozenset()) >= ALGORITHMIC


def seed_note(noise: str, seed_sets: float) -> str:
    """Return ONE_SEED_SET if a cell with this noise and so many seed sets holds for one seed set alone, else ``""``.

    The text is also empty if the noise is unknown.
    """
    return ONE_SEED_SET if noise in NAMES and holds_seeds(noise) and seed_sets == 1 else ""
