"""Resolve a study file into cells and timed networks.

This module reads the study's YAML, the catalogs and their schemas. It imports neither torch nor Snakemake, so that the
Snakefile is parsed quickly.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.common.paths import StudyPaths
from noisegrid.common.schemas import WORKFLOW, check, read_yaml
from noisegrid.runtime import devices
from noisegrid.runtime.environment import HERE
from noisegrid.runtime.hardware import entry as hardware_entry
from noisegrid.study import crossing, design, sharing
from noisegrid.study.arms import timed_networks
from noisegrid.study.inference import evaluations
from noisegrid.study.kinds import check_accuracy, check_kind, training_examples
from noisegrid.study.missing import why_missing
from noisegrid.study.processes import check_device
from noisegrid.study.recipes import REQUIREMENTS, least_memory_gb, resolve_datasets, resolve_tasks, task_settings
from noisegrid.study.settings import Hardware, Task
from noisegrid.study.sources import CROSSED, NOISES, holds_seeds
from noisegrid.study.study import KEPT, Cell, Study
from noisegrid.study.versus import comparisons

#: The version of the training procedure. Increase it by hand if a change of the code changes the results of training
#: with the same settings. Results of different versions are never mixed.
PROTOCOL = 2
#: A cell that holds seeds and has at least MANY_REPLICATES replicates is spread over SEED_SETS seed sets by default.
MANY_REPLICATES, SEED_SETS = 10, 5


def load(name_or_path: str) -> Study:
    """Return a study given by its name, by the path of its YAML file, or by the path of its design.json."""
    if name_or_path.endswith(".json"):
        return design.read(Path(name_or_path))
    return load_study(name_or_path)


def load_written(name_or_path: str, results: Path) -> Study:
    """Return a study as its last run resolved it (design.json), or as its file says if it has not been run.

    `results` is the folder of all results. A running study does not change with the catalogs.
    """
    if not name_or_path.endswith(".json"):
        written = Path(StudyPaths(str(results), name_of(name_or_path)).design)
        name_or_path = str(written) if written.exists() else name_or_path
    return load(name_or_path)


def load_study(name_or_path: str, stack: str | None = None) -> Study:
    """Read, check and resolve a study.

    Parameters
    ----------
    name_or_path : str
        The name of a study in workflow/studies, or the path of its YAML file.
    stack : str, optional
        The stack for all hardware that names none with `@`. By default, that is the stack of the hardware entry.

    Raises
    ------
    NoisegridError
        If the study contains a mistake. The message describes the first mistake.
    """
    path = find(name_or_path)
    document, where = read_yaml(path), str(path)
    check_old_keys(document, where)
    sharing.check_number(document, where)
    check(document, "study", where)
    for block in (*document["cells"], *document.get("overhead", [])) if stack else ():
        block["hardware"] = [_on_stack(name, stack) for name in block["hardware"]]
    for entry in (*document.get("versus", []), *document.get("inference", [])) if stack else ():
        if "hardware" in entry:
            entry["hardware"] = _on_stack(entry["hardware"], stack)
    tasks = resolve_tasks(document.get("tasks", {}), where)
    datasets = resolve_datasets(document.get("datasets", {}), where)
    cells: dict[str, Cell] = {}
    for index, block in enumerate(document["cells"]):
        here = f"{where}: cells[{index}]"
        for cell in cells_of_block(document, block, tasks, datasets, here):
            add_cell(cells, cell, here)
    for key in ("versus", "inference"):
        for index, one in enumerate(document.get(key, [])):
            check_labels(key, one, tasks, datasets, f"{where}: {key}[{index}]")
    sharing.check_cells(cells.values(), document.get("share_gpu", 1), tasks, where)
    return Study(
        name=document["name"],
        description=str(document.get("description", "")),
        source=path,
        cells=tuple(cells.values()),
        datasets=datasets,
        share_gpu=document.get("share_gpu", 1),
        timed_networks=timed_networks(document.get("overhead", []), where),
        keep=tuple(document.get("keep", KEPT)),
        inference=evaluations(document.get("inference", []), cells.values(), where),
        versus=comparisons(document.get("versus", []), cells.values(), where),
        requirements={name: {key: task[key] for key in REQUIREMENTS & task.keys()} for name, task in tasks.items()},
    )


def add_cell(cells: dict[str, Cell], cell: Cell, where: str) -> None:
    """Add a cell to those of its study, by path. Raise NoisegridError if the study has this cell already."""
    if cell.path in cells:
        raise NoisegridError(f"{where}: the cell {cell.path} is named twice; remove one of them")
    cells[cell.path] = cell


def check_labels(
    key: str, entry: dict[str, Any], tasks: dict[str, dict[str, Any]], datasets: dict[str, dict[str, Any]], where: str
) -> None:
    """Check that what an entry of `versus` or `inference` (`key`) asks for exists for the labels of its tasks."""
    for name in (entry[part] for part in ("a", "b", "task") if entry.get(part) in tasks):
        dataset = tasks[name]["dataset"]
        check_accuracy(f"`{key}`", dataset, datasets.get(dataset, {}), where)


def _on_stack(name: str, stack: str | None) -> str:
    """Return the name of a hardware entry with a stack, unless it already names one."""
    return name if "@" in name else f"{name}@{stack}"


#: Keys that earlier versions used, mapped to the current names of these keys.
OLD_KEYS = {"cost": "overhead", "pairs": "seed_sets", "departures": "deviations"}


def _parts(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a study, its blocks of cells and its tasks, as far as they are mappings."""
    cells, tasks = document.get("cells"), document.get("tasks")
    parts = [document]
    parts += cells if isinstance(cells, list) else []
    parts += tasks.values() if isinstance(tasks, dict) else []
    return [part for part in parts if isinstance(part, dict)]


def remove_old_keys(document: dict[str, Any]) -> None:
    """Remove the keys of an earlier version from a study."""
    for part in _parts(document):
        for old in OLD_KEYS:
            part.pop(old, None)


def check_old_keys(document: dict[str, Any], where: str) -> None:
    """Raise NoisegridError if a study uses keys of an earlier version; the message states their current names."""
    used = [old for old in OLD_KEYS if any(old in part for part in _parts(document))]
    if used:
        words = ", ".join(f"{OLD_KEYS[old]!r} instead of {old!r}" for old in used)
        raise NoisegridError(f"{where} was written for an earlier version: write {words}")


def cells_of_block(
    document: dict[str, Any],
    block: dict[str, Any],
    tasks: dict[str, dict[str, Any]],
    datasets: dict[str, dict[str, Any]],
    where: str,
) -> Iterator[Cell]:
    """Yield the cells of one block of a study: all combinations of the hardware, tasks and noises in the block.

    A block with `crossed` has one cell for each combination of hardware and task.

    Parameters
    ----------
    document : dict
        The content of the study file.
    block : dict
        The block, which is an item of `cells` in the study file.
    tasks, datasets : dict
        The resolved tasks and datasets, by name.
    where : str
        The file and the block, for error messages.

    Raises
    ------
    NoisegridError
        If the block contains a mistake. The message describes the first mistake.
    """
    names = devices.named(block["hardware"], where)
    crossed = crossing.of_block(block, where)
    for hardware, task, noise in itertools.product(names, block["tasks"], [CROSSED] if crossed else block["noise"]):
        settings = {
            "protocol": PROTOCOL,
            "seed": document["seed"],
            "hardware": hardware_settings(hardware, where),
            "task": task_settings(tasks, datasets, task, where),
            "noise": noise,
            "free": sorted(crossed or (NOISES[noise].free if noise in NOISES else ())),
        }
        if crossed:
            settings["crossed"] = crossed
        dataset = datasets[tasks[task]["dataset"]]
        check_kind(task, tasks[task], dataset, bool(crossed), where)
        check_device(task, settings["task"], hardware, Hardware.of(settings["hardware"]), where)
        _check_batch(task, tasks[task], dataset, where)
        _check_memory(hardware, task, least_memory_gb(tasks[task], settings["hardware"]["precision"]), where)
        counterpart = str(tasks[task].get("without_batch_norm", ""))
        yield replace(
            _cell(document["name"], (hardware, task, noise), settings, block, where), without_batch_norm=counterpart
        )


def name_of(name_or_path: str) -> str:
    """Return the name that a study file states, without resolving the study."""
    path = find(name_or_path)
    document = read_yaml(path)
    check(document, "study", str(path))
    return str(document["name"])


def find(name_or_path: str) -> Path:
    """Return the path of a study file, given either the name of a study in workflow/studies or a path."""
    own = Path(name_or_path)
    if own.suffix in {".yaml", ".yml"}:
        if own.is_dir():
            raise NoisegridError(f"study: {own} is a folder; give the path of a file in it")
        if not own.is_file():
            raise NoisegridError(
                f"study: there is no file {own} in {Path.cwd()}; correct the path, or write a new study with: "
                f"noisegrid init {own.stem}"
            )
        return own
    shipped = {path.stem: path for path in (WORKFLOW / "studies").glob("*.yaml")}
    if name_or_path in shipped:
        return shipped[name_or_path]
    if own.is_dir():
        raise NoisegridError(f"study: {own} is a folder; give the path of a file that ends in .yaml")
    if own.is_file():
        raise NoisegridError(f"study: the name of {own} does not end in .yaml; rename it")
    if (there := own.with_name(f"{own.name}.yaml")).is_file():
        raise NoisegridError(f"study: unknown study {name_or_path!r}; to use the file, write {there}")
    raise NoisegridError(f"study: {unknown('study', name_or_path, shipped)} (or give a path that ends in .yaml)")


def _cell(study: str, names: tuple[str, str, str], settings: dict[str, Any], block: dict[str, Any], where: str) -> Cell:
    """Return one cell of a block, after checking the noise and the number of replicates."""
    if "crossed" in settings:
        crossing.check(names[1], settings, where)
        return Cell(study, *names, math.prod(settings["crossed"].values()), settings)
    _check_noise(names[1], settings, names[2], where)
    replicates = block["replicates"]
    seed_sets = block.get("seed_sets", default_seed_sets(names[2], replicates))
    if replicates < 2 * seed_sets:
        raise NoisegridError(
            f"{where}: {seed_sets} seed sets need at least {2 * seed_sets} replicates, two in each; write more "
            "replicates or fewer seed_sets"
        )
    if seed_sets > 1:
        settings["seed_sets"] = seed_sets
    return Cell(study, *names, replicates, settings)


def default_seed_sets(noise: str, replicates: int) -> int:
    """Return the number of seed sets of a cell whose block names none.

    One seed set does not speak for all. Below MANY_REPLICATES replicates, however, a set would have fewer than two.
    A noise that leaves all algorithmic sources free holds no seeds that could be averaged over.
    """
    return SEED_SETS if replicates >= MANY_REPLICATES and holds_seeds(noise) else 1


#: The keys of a hardware entry that affect results. The other keys are used only to find or describe the machine.
HARDWARE_SETTINGS = ("device", "gpu", "precision", "tf32", "memory_format", "kernels", "pjrt")


def hardware_settings(name: str, where: str) -> dict[str, Any]:
    """Return the settings in a hardware entry that affect results."""
    entry = hardware_entry(name, where)
    settings = {key: value for key in HARDWARE_SETTINGS if (value := getattr(entry, key)) not in ("", {})}
    # a stack that the study names (NAME@STACK) is part of the settings; the default stack of the catalog is not
    return settings | ({"stack": entry.stack} if "@" in name or entry.stack == HERE else {})


def _check_batch(name: str, task: dict[str, Any], dataset: dict[str, Any], where: str) -> None:
    """Raise NoisegridError if a batch of a task is larger than the training set, as far as its size is known."""
    examples = training_examples(task, dataset)
    if examples is not None and task.get("batch_size", 1) > examples:
        raise NoisegridError(
            f"{where}: task {name}: batch_size is {task['batch_size']}, but {task['dataset']} has only {examples} "
            f"training examples; write at most {examples}"
        )


def _check_memory(hardware: str, task: str, need: float, where: str) -> None:
    """Raise NoisegridError if a task does not fit into the device memory of the given hardware."""
    have = hardware_entry(hardware).memory_gb
    if have is not None and need > have:
        raise NoisegridError(
            f"{where}: task {task} needs at least {need:g} GB of device memory, but {hardware} has {have:g} GB; "
            "use hardware with more memory, or define a task with a smaller batch_size"
        )


def _check_noise(task: str, settings: dict[str, Any], noise: str, where: str) -> None:
    """Raise NoisegridError if the noise is unknown, or has no effect with this recipe on this hardware."""
    if noise not in NOISES:
        raise NoisegridError(f"{where}: {unknown('noise', noise, NOISES)}")
    if why := why_missing(noise, Task.of(settings["task"]), Hardware.of(settings["hardware"])):
        raise NoisegridError(f"{where}: task {task} {why}, so noise {noise!r} would measure nothing; remove it")
