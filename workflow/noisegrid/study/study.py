"""Studies and their cells, resolved from a study file and the catalogs.

Each cell determines the paths, the seed labels and the settings of its replicates. This module imports neither torch
nor Snakemake, so that the Snakefile is parsed quickly and every later stage can use this module.
"""

import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.common.schemas import WORKFLOW, check, read_yaml
from noisegrid.runtime import devices
from noisegrid.runtime.hardware import entry as hardware_entry
from noisegrid.study.arms import TimedNetwork, timed_networks
from noisegrid.study.chunk import WHOLE, Chunk
from noisegrid.study.recipes import REQUIREMENTS, resolve_datasets, resolve_tasks, task_settings
from noisegrid.study.settings import Hardware, Task
from noisegrid.study.sources import NOISES

#: The version of the training procedure. It is increased by hand if a change of the code makes the same settings train
#: differently. Results of different versions are never mixed.
PROTOCOL = 1


@dataclass(frozen=True)
class Cell:
    """One combination of hardware, task and noise in a study, with all settings that determine its results.

    Attributes
    ----------
    study, hardware, task, noise : str
        The names of the study, the hardware entry, the task and the noise.
    replicates : int
        The number of training runs.
    settings : dict
        The resolved settings that determine the results.
    without_batch_norm : str
        The name of the task that differs from the cell's task only in having no batch norm; empty if there is none.
    """

    study: str
    hardware: str
    task: str
    noise: str
    replicates: int
    settings: dict[str, Any] = field(hash=False, compare=False, repr=False)
    without_batch_norm: str = field(default="", compare=False, repr=False)

    @property
    def path(self) -> str:
        """The relative path hardware/task/noise, as in `replicates/hardware/task/noise`.

        Messages use this path as the name of the cell.
        """
        return f"{self.hardware}/{self.task}/{self.noise}"

    @property
    def dataset(self) -> str:
        """The name of the task's dataset."""
        return str(self.settings["task"]["dataset"])

    @property
    def seed_sets(self) -> int:
        """The number of seed sets, over which the metrics of the cell are averaged.

        Replicate k belongs to seed set k modulo this number.
        """
        return int(self.settings.get("seed_sets", 1))

    @property
    def digest(self) -> str:
        """The short digest of the settings; cells with the same digest are the same experiment."""
        return digest(self.settings)


@dataclass(frozen=True)
class Study:
    """A validated study.

    Attributes
    ----------
    name, description : str
        The name and the description in the study file.
    source : Path
        The path of the study file.
    cells : tuple of Cell
        The cells, in the order of the study file.
    datasets : dict
        The entries of the datasets, by name: all of the catalog and the study file, or only those that the study uses
        if it was read from design.json.
    share_gpu : bool
        Whether several training jobs may use one GPU at the same time.
    timed_networks : tuple of TimedNetwork
        The networks whose overhead is measured.
    requirements : dict
        For each task name, a dictionary with the requirements (see REQUIREMENTS) that the task specifies.
    """

    name: str
    description: str
    source: Path
    cells: tuple[Cell, ...]
    datasets: dict[str, dict[str, Any]] = field(hash=False, compare=False, repr=False)
    share_gpu: bool = False
    timed_networks: tuple[TimedNetwork, ...] = ()
    requirements: dict[str, dict[str, float]] = field(default_factory=dict, hash=False, compare=False, repr=False)

    def cell(self, hardware: str, task: str, noise: str) -> Cell:
        """Return the cell with the given hardware, task and noise. Raise NoisegridError if there is no such cell."""
        for cell in self.cells:
            if (cell.hardware, cell.task, cell.noise) == (hardware, task, noise):
                return cell
        wanted = f"{hardware}/{task}/{noise}"
        raise NoisegridError(f"study {self.name}: {unknown('cell', wanted, (cell.path for cell in self.cells))}")

    def siblings(self, hardware: str, task: str, chunk: Chunk = WHOLE) -> list[Cell]:
        """Return the cells of one task on the given hardware, one for each noise.

        A training job trains these cells together. If a chunk is given, return only the cells whose noise is part of
        the chunk.
        """
        cells = (cell for cell in self.cells if (cell.hardware, cell.task) == (hardware, task))
        return [cell for cell in cells if chunk.holds(cell.noise)]

    def pace_identity(self, hardware: str, task: str) -> str:
        """Hash the settings that determine the duration of a replicate: recipe and hardware, but not noise or seed."""
        settings = self.siblings(hardware, task)[0].settings
        return digest([settings["task"], settings["hardware"]])

    @property
    def tasks(self) -> list[tuple[str, str]]:
        """All pairs (hardware, task) of the study."""
        return list(dict.fromkeys((cell.hardware, cell.task) for cell in self.cells))

    @property
    def hardware(self) -> list[str]:
        """The names of all hardware entries on which the study trains or times networks."""
        return list(dict.fromkeys([*self.values("hardware"), *(timed.hardware for timed in self.timed_networks)]))

    def values(self, what: str) -> list[str]:
        """Return the distinct values of `hardware`, `task`, `noise` or `dataset`, in the study's order."""
        return list(dict.fromkeys(str(getattr(cell, what)) for cell in self.cells))


def digest(settings: Any) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a JSON value. The order of its keys has no effect."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def differences(old: Any, new: Any, key: str = "") -> list[str]:
    """Return one line for each key whose value differs between old and new settings, with both values.

    Keys are dotted, such as `task.epochs`. `key` is the dotted key of the two values themselves; it is empty at the
    top level.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        names = sorted(old.keys() | new.keys())
        return [
            text for name in names for text in differences(old.get(name), new.get(name), f"{key}.{name}".lstrip("."))
        ]
    return [] if old == new else [f"{key}: {old} -> {new}"]


def load_study(name_or_path: str) -> Study:
    """Read, check and resolve a study, given by its name (workflow/studies) or by its path.

    Raises
    ------
    NoisegridError
        If the study contains a mistake. The message describes the first mistake.
    """
    path = find(name_or_path)
    document, where = read_yaml(path), str(path)
    check_old_keys(document, where)
    check(document, "study", where)
    tasks = resolve_tasks(document.get("tasks", {}), where)
    datasets = resolve_datasets(document.get("datasets", {}), where)
    cells: dict[str, Cell] = {}
    for index, block in enumerate(document["cells"]):
        here = f"{where}: cells[{index}]"
        for cell in cells_of_block(document, block, tasks, datasets, here):
            if cell.path in cells:
                raise NoisegridError(f"{here}: the cell {cell.path} is named twice")
            cells[cell.path] = cell
    return Study(
        name=document["name"],
        description=str(document.get("description", "")),
        source=path,
        cells=tuple(cells.values()),
        datasets=datasets,
        share_gpu=document.get("share_gpu", False),
        timed_networks=timed_networks(document.get("overhead", []), where),
        requirements={name: {key: task[key] for key in REQUIREMENTS & task.keys()} for name, task in tasks.items()},
    )


#: Keys that earlier versions used, mapped to the current names of these keys.
OLD_KEYS = {"cost": "overhead", "pairs": "seed_sets", "departures": "deviations"}


def check_old_keys(document: dict[str, Any], where: str) -> None:
    """Raise NoisegridError if a study uses keys of an earlier version; the message states their current names."""
    blocks = [document, *document.get("cells", []), *document.get("tasks", {}).values()]
    used = [old for old in OLD_KEYS if any(isinstance(block, dict) and old in block for block in blocks)]
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
    for hardware, task, noise in itertools.product(names, block["tasks"], block["noise"]):
        settings = {
            "protocol": PROTOCOL,
            "seed": document["seed"],
            "hardware": hardware_settings(hardware, where),
            "task": task_settings(tasks, datasets, task, where),
            "noise": noise,
        }
        _check_memory(hardware, task, tasks[task].get("memory_gb", 0.0), where)
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
        if not own.is_file():
            raise NoisegridError(f"study: there is no file {own}")
        return own
    shipped = {path.stem: path for path in (WORKFLOW / "studies").glob("*.yaml")}
    if name_or_path not in shipped:
        raise NoisegridError(f"study: {unknown('study', name_or_path, shipped)} (or give a path that ends in .yaml)")
    return shipped[name_or_path]


def _cell(study: str, names: tuple[str, str, str], settings: dict[str, Any], block: dict[str, Any], where: str) -> Cell:
    """Return one cell of a block, after checking the number of replicates and the noise."""
    replicates, seed_sets = block["replicates"], block.get("seed_sets", 1)
    if replicates < 2 * seed_sets:
        raise NoisegridError(f"{where}: {seed_sets} seed sets need at least {2 * seed_sets} replicates, two in each")
    if seed_sets > 1:
        settings["seed_sets"] = seed_sets
    _check_noise(names[1], settings, names[2], where)
    return Cell(study, *names, replicates, settings)


#: The keys of a hardware entry that determine results. The other keys serve to find or describe the machine.
HARDWARE_SETTINGS = ("device", "gpu", "precision", "tf32", "memory_format", "kernels")


def hardware_settings(name: str, where: str) -> dict[str, Any]:
    """Return the settings of a hardware entry that determine results."""
    entry = hardware_entry(name, where)
    settings = {key: value for key in HARDWARE_SETTINGS if (value := getattr(entry, key)) not in ("", {})}
    # a stack that the study names (NAME@STACK) is part of the settings; the default stack of the catalog is not
    return settings | ({"stack": entry.stack} if "@" in name else {})


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
    if why := NOISES[noise].missing(Task.of(settings["task"]), Hardware.of(settings["hardware"])):
        raise NoisegridError(f"{where}: task {task} {why}, so noise {noise!r} would measure nothing")
