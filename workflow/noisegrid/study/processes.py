"""Several processes (ranks) that train one replicate: which worlds and buckets a recipe allows, and what is drawn.

A world is the number of ranks. The batch of a recipe is that of all ranks together. Ranks exchange gradients in buckets
of `bucket_mb` MB. Both are switches of a run, which its record states: those of the recipe, or those that the sources
`world_size` and `bucket_mb` draw.
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from noisegrid.common.errors import NoisegridError
from noisegrid.study.seeds import draws, stream
from noisegrid.study.settings import Hardware, Task

#: The worlds and the buckets in MB from which a free source draws.
WORLDS, BUCKETS_MB = (1, 2, 3, 4), (0.001, 0.01, 1.0, 25.0)


def worlds(task: Task) -> tuple[int, ...]:
    """Return the worlds of WORLDS that divide a batch into equal parts."""
    return tuple(world for world in WORLDS if task.divides_among(world))


def process_choices(task: Task, free: Collection[str]) -> dict[str, tuple[Any, ...]]:
    """Return the values that each switch of the processes can have in a cell; without a switch, there is no key.

    Parameters
    ----------
    task : Task
        The recipe.
    free : collection of str
        The free sources of the cell.
    """
    found: dict[str, tuple[Any, ...]] = {}
    if "world_size" in free:
        found["world_size"] = worlds(task)
    elif task.world_size > 1:
        found["world_size"] = (task.world_size,)
    if "bucket_mb" in free:
        found["bucket_mb"] = BUCKETS_MB
    elif task.bucket_mb is not None:
        found["bucket_mb"] = (task.bucket_mb,)
    return found


def derive_switches(
    recipe: Task,
    root: int,
    task: str,
    noise: str,
    replicate: int,
    seed_sets: int = 1,
    crossed: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Return the switches of the processes of one replicate; empty for one process and PyTorch's bucket.

    Values of a free source are drawn without repetition: of four worlds, each of four replicates of a seed set gets
    another.

    Parameters
    ----------
    recipe : Task
        The recipe.
    root : int
        The root seed of the study.
    task, noise : str
        Names of the task and of the noise.
    replicate : int
        Index of the replicate, from 0.
    seed_sets : int
        The number of seed sets; replicate k belongs to set k modulo this number.
    crossed : mapping, optional
        In a crossed cell, the number of levels of each source that is crossed.
    """
    free, switches = draws(noise, replicate, crossed), {}
    for name, values in process_choices(recipe, free).items():
        order = np.random.default_rng(stream(root, f"{name}/{task}/{noise}")).permutation(len(values))
        # each set begins one value later, so that few replicates in many sets have all values, too
        drawn = sum(divmod(free.get(name, 0), seed_sets))
        switches[name] = values[order[drawn % len(values)]]
    return switches


def most_cores(settings: Mapping[str, Any]) -> int:
    """Return the most threads that all ranks of a replicate of a cell have together; 1 without several ranks."""
    most = max(process_choices(Task.of(settings["task"]), settings["free"]).get("world_size", (1,)))
    kernels = settings["hardware"].get("kernels", {})
    if most == 1 or not kernels:
        return most
    threads = kernels["free"]["threads"] if "impl" in settings["free"] else [kernels["held"]["threads"]]
    return most * max(map(int, threads))


def check_world(recipe: Mapping[str, Any], where: str) -> None:
    """Raise NoisegridError if the world of a resolved recipe does not divide its batch into equal parts."""
    world, parts, batch_size = recipe.get("world_size", 1), recipe.get("accumulate", 1), recipe["batch_size"]
    if world > 1 and batch_size % (world * parts):
        each = f", each of which has {parts} parts (accumulate)" if parts > 1 else ""
        raise NoisegridError(
            f"{where}.world_size: a batch of {batch_size} cannot be divided among {world} processes{each}; choose a "
            "world_size that divides batch_size"
        )


def check_device(task: str, recipe: Mapping[str, Any], name: str, hardware: Hardware, where: str) -> None:
    """Raise NoisegridError if a recipe has several ranks on a device that no two ranks can use."""
    world = recipe.get("world_size", 1)
    if world == 1 or hardware.device == "cpu":
        return
    if hardware.is_cuda:
        why = f"{name} gives a job one GPU, and ranks on several GPUs (NCCL) are not implemented"
    else:
        why = f"ranks through XLA ({name}) are not implemented"
    raise NoisegridError(
        f"{where}: task {task} trains with {world} processes, but {why}; use a cpu, or a task with world_size: 1"
    )
