"""Refuse settings, flags and layouts that no plan of this package could have given, whatever the device.

The values are those that `training/noise.py` derives; this module does not import it, because it needs torch.
"""

import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import check
from noisegrid.study.choices import choices
from noisegrid.study.crossing import problem_of, problem_of_source
from noisegrid.study.missing import why_missing
from noisegrid.study.processes import check_device, check_world, process_choices
from noisegrid.study.settings import Hardware, Task
from noisegrid.study.sources import CROSSED, FREE
from noisegrid.study.study import Cell

#: The values of a CPU library's instruction set that training knows (CPU_REQUIREMENTS of training/noise.py).
INSTRUCTION_SETS = {
    *("avx2", "AVX2", "avx512", "AVX512", "AVX512_CORE", "AVX512_CORE_BF16", "SSE41", "SSE4_2"),
    *("default", "COMPATIBLE"),
}
#: The libraries whose instruction set is a switch, for each kind of device that has such switches.
LIBRARIES = {"cpu": ("aten", "onednn", "mkl"), "xla": ("xla",)}
#: The largest number of threads of a run, of its processes, of epochs and images of a batch, and of a numeric option of
#: a network.
THREADS, WORLD, EPOCHS, BATCH, OPTION = 1_024, 1_024, 100_000, 1_000_000, 1_000_000
#: The largest number of dimensions of a tensor, and of its values.
DIMENSIONS, VALUES = 16, 10**12


def check_design(settings: dict[str, Any], where: str) -> None:
    """Check the settings of a cell in the design of a crate.

    Parameters
    ----------
    settings : dict
        The settings.
    where : str
        The file and the cell, with which the message begins.

    Raises
    ------
    NoisegridError
        If no study could have these settings. The message names the key.
    """
    task, hardware, noise = (settings.get(key) for key in ("task", "hardware", "noise"))
    if not isinstance(task, dict) or not isinstance(hardware, dict):
        raise NoisegridError(f"{where}: the settings have no task or no hardware")
    recipe = {key: value for key, value in task.items() if key not in ("build", "options", "source")}
    check(recipe, "task", f"{where}: task")
    check({"title": "", "stack": "", **hardware}, "hardware", f"{where}: hardware")
    try:
        typed = Task.of(task), Hardware.of(hardware)
    except TypeError as error:
        raise NoisegridError(f"{where}: the settings of the task or of the hardware are incomplete") from error
    check_world(task, f"{where}: task")
    check_device("of the cell", task, hardware["device"], typed[1], where)
    varies = _crossed_problems if noise == CROSSED else _noise_problems
    for problem in itertools.chain(_design_problems(*typed), varies(settings, *typed)):
        raise NoisegridError(f"{where}: {problem}")


def _noise_problems(settings: dict[str, Any], task: Task, hardware: Hardware) -> Iterator[str]:
    """Yield what is impossible in the sources that a noise leaves free."""
    noise, free = str(settings["noise"]), settings.get("free")
    if free != sorted(FREE[noise]):
        yield f"free is {free}, but noise {noise} leaves free: {', '.join(sorted(FREE[noise])) or 'nothing'}"
    if why := why_missing(noise, task, hardware):
        yield f"the task {why}, so no plan has the noise {noise}"
    if "crossed" in settings:
        yield f"it has crossed sources, but its noise is {noise}"


def _crossed_problems(settings: dict[str, Any], task: Task, hardware: Hardware) -> Iterator[str]:
    """Yield what is impossible in the sources and levels of a crossed cell."""
    crossed = settings.get("crossed")
    if not isinstance(crossed, dict) or not all(type(count) is int for count in crossed.values()):
        yield "crossed must be a mapping of sources to numbers of levels"
    elif problem := problem_of(crossed):
        yield f"crossed: {problem}"
    elif settings.get("free") != sorted(crossed) or "seed_sets" in settings:
        yield "free must be the sources that are crossed, and a crossed cell has no seed sets"
    else:
        problems = (problem_of_source(source, count, task, hardware) for source, count in crossed.items())
        yield from (f"crossed: {problem.format(task='the task')}" for problem in problems if problem)


def _design_problems(task: Task, hardware: Hardware) -> Iterator[str]:
    if not isinstance(task.build, str) or not isinstance(task.options, dict):
        yield "task.build is not a text, or task.options is not a mapping"
    for key, value, most in (
        ("epochs", task.epochs, EPOCHS),
        ("batch_size", task.batch_size, BATCH),
        ("world_size", task.world_size, WORLD),
    ):
        if value > most:
            yield f"task.{key} is {value:,}, but no plan has more than {most:,}"
    for key, value in task.options.items():
        if isinstance(value, int | float) and not abs(value) <= OPTION:
            yield f"task.options.{key} is {value}, but no network has more than {OPTION:,} there"
    yield from _hardware_problems(hardware)


def _hardware_problems(hardware: Hardware) -> Iterator[str]:
    libraries = () if hardware.is_tpu else LIBRARIES.get(hardware.device, ())
    named = hardware.kernels.get("held", {}).keys() | hardware.kernels.get("free", {}).keys()
    if hardware.is_xla != bool(hardware.pjrt) or named != ({*libraries, "threads"} if libraries else set()):
        yield "hardware must be a cpu with kernels, cuda without kernels, or xla for a CPU with kernels or for a TPU"
    elif hardware.kernels:
        held, choices = hardware.kernels["held"], hardware.kernels["free"]
        for name in libraries:
            if unknown := {held[name], *choices[name]} - INSTRUCTION_SETS:
                yield f"hardware.kernels: {name} has no instruction set {min(unknown)!r}"
        if max(held["threads"], *choices["threads"]) > THREADS:
            yield f"hardware.kernels: no plan has more than {THREADS:,} threads"


def wrong_record(record: dict[str, Any], cell: Cell) -> Iterator[str]:
    """Yield what is impossible in a record that belongs to a cell, in words that follow the name of the replicate."""
    hardware = Hardware.of(cell.settings["hardware"])
    if record["replicate"] >= cell.replicates:
        yield f"is not one of the {cell.replicates} replicates of its cell"
    if record["device"]["kind"] != hardware.device:
        yield f"ran on a device of kind {record['device']['kind']}, but its cell needs {hardware.device}"
    if record["dataset"]["name"] != cell.dataset:
        yield f"names the dataset {record['dataset']['name']}, but its cell has {cell.dataset}"
    if not all(map(math.isfinite, record["timings"].values())):
        yield "states a duration that is not a finite number"
    further = process_choices(Task.of(cell.settings["task"]), cell.free)
    yield from wrong_flags(record["flags"], hardware, cell.free, further)
    yield from _wrong_layout(record)


def wrong_flags(
    flags: dict[str, Any],
    hardware: Hardware,
    free_sources: Collection[str],
    further: Mapping[str, Sequence[Any]] = MappingProxyType({}),
) -> Iterator[str]:
    """Yield what `derive_flags` of training/noise.py gives on no device, in words that follow a replicate's name.

    On a CPU, the instruction sets depend on what the processor has: one that it lacks is replaced by the library's
    default, which is an empty text.

    Parameters
    ----------
    flags : dict
        The flags of the record.
    hardware : Hardware
        The hardware of the cell.
    free_sources : collection of str
        The free sources of the cell.
    further : mapping
        The values of the switches that the recipe adds (see study.processes.choices).
    """
    is_free = "impl" in free_sources
    allowed: dict[str, list[Any]] = {
        "precision": [hardware.precision],
        "tf32": [hardware.tf32],
        "memory_format": [hardware.memory_format],
        "fill_memory": [False],
        "deterministic": [not (hardware.is_cuda and (is_free or "atomics" in free_sources))],
    }
    if hardware.is_cuda:
        allowed |= {"threads": [1], "cudnn_benchmark": [is_free or "autotune" in free_sources]}
        if parts := {"cudnn_deterministic", "atomics"}.intersection(free_sources):
            allowed["cudnn_deterministic"] = ["cudnn_deterministic" not in parts]
    elif hardware.is_tpu:
        allowed["threads"] = [1]
    else:
        held, free = hardware.kernels["held"], hardware.kernels["free"]
        allowed |= {name: ["", *(free[name] if is_free else [held[name]])] for name in LIBRARIES[hardware.device]}
        allowed["threads"] = free["threads"] if is_free else [held["threads"]]
    allowed |= {source: list(values) for source in free_sources if (values := choices(source, hardware))}
    allowed |= {name: list(values) for name, values in further.items()}
    # records from before the release in which training stopped filling new memory do not state it
    if flags.keys() - {"fill_memory"} != allowed.keys() - {"fill_memory"}:
        odd = ", ".join(sorted(flags.keys() ^ allowed.keys()))
        yield f"has flags that no plan gives, or lacks some: {odd}"
        return
    for name, value in flags.items():
        # True equals 1 in Python, so the types are compared as well
        if not any(value == one and type(value) is type(one) for one in allowed[name]):
            known = " or ".join(repr(one) for one in allowed[name])
            yield f"has the flag {name} {value!r}, but its cell allows only {known}"
    libraries = LIBRARIES.get(hardware.device, ()) if hardware.kernels else ()
    if is_free and len({flags[name] == "" for name in libraries}) > 1:
        yield "has instruction sets of some libraries only, which no plan combines"


def _wrong_layout(record: dict[str, Any]) -> Iterator[str]:
    """Yield a text if the layout does not add up: gaps, overlaps, a size other than that of the weights."""
    start, buffers, names = 0, False, set[str]()
    for tensor in record["layout"]:
        shape = tensor["shape"]
        if len(shape) > DIMENSIONS or not all(0 <= size <= VALUES for size in shape):
            yield f"has a layout in which {tensor['name']} has an impossible shape"
            return
        if tensor["start"] != start or tensor["name"] in names or (buffers and tensor["kind"] == "parameter"):
            yield f"has a layout that does not add up at {tensor['name']}"
            return
        start += math.prod(shape)
        buffers = tensor["kind"] == "buffer"
        names.add(tensor["name"])
        if start > VALUES:
            yield f"has a layout of more than {VALUES:,} values"
            return
    for name in ("weights.npy", "midpoint_weights.npy"):
        # the header of numpy.save takes 128 bytes; another version might need another multiple of 64
        if (stated := record["files"].get(name)) and stated["bytes"] - 4 * start not in (64, 128, 192, 256):
            yield f"has a layout of {start:,} values, which do not fit the {stated['bytes']:,} bytes of {name}"
