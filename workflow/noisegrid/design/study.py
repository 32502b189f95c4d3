"""A study becomes a list of cells; the cell is the only way to make a path, a seed label or a setting.

Reads: the study's YAML, the catalogs, their schemas. Imports neither torch nor Snakemake, so that the Snakefile parses
quickly and every later stage can ask what a cell is.
"""

import hashlib
import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from noisegrid.basics.documents import WORKFLOW, catalog, check, check_reference, read_yaml, reference_digest
from noisegrid.basics.errors import NoisegridError, unknown
from noisegrid.design.batch import WHOLE, Batch
from noisegrid.design.timings import Timing, timings_of
from noisegrid.node import devices
from noisegrid.node.hardware import entry as hardware_entry

#: Raised by hand when training changes its meaning: results of different protocols are never mixed.
PROTOCOL = 1

#: The sources of noise that can be left free or held, one random stream each.
SOURCES = ("init", "order", "augment", "dropout", "impl")
ALGORITHMIC = frozenset(SOURCES) - {"impl"}
#: Sources beyond the paper's, each a part of another or the smallest disturbance there is; held means absent.
PROBES = ("in_batch_order", "one_ulp", "autotune")

#: What a task needs, words about it that change no result, and what makes inherited needs wrong.
NEEDS = frozenset({"memory_gb", "tflop_per_epoch"})
WORDS = frozenset({"departures"}) | NEEDS
DECIDES_NEEDS = frozenset({"network", "network_options", "dataset", "batch_size", "augment"})

#: What a noise setting leaves free (paper, section 3: ALGO+IMPL, ALGO, IMPL, control; the rest are single sources).
FREE: dict[str, frozenset[str]] = {
    "algo_impl": frozenset(SOURCES),
    "algo": ALGORITHMIC,
    "impl": frozenset({"impl"}),
    "control": frozenset(),
    **{source: frozenset({source}) for source in (*SOURCES, *PROBES) if source != "impl"},
}


@dataclass(frozen=True)
class Cell:
    """One hardware x task x noise source of a study, with everything that decides its results."""

    study: str
    hardware: str
    task: str
    noise: str
    replicates: int
    settings: dict[str, Any] = field(hash=False, compare=False, repr=False)

    @property
    def path(self) -> str:
        """The cell's place below every results folder, and its name in messages: hardware/task/noise."""
        return f"{self.hardware}/{self.task}/{self.noise}"

    @property
    def dataset(self) -> str:
        return str(self.settings["task"]["dataset"])

    @property
    def pairs(self) -> int:
        """Over how many sets of held seeds the cell is averaged; replicate k belongs to set k modulo this."""
        return int(self.settings.get("pairs", 1))

    @property
    def digest(self) -> str:
        """Short digest of the settings: two cells with one digest mean the same experiment."""
        return digest(self.settings)


@dataclass(frozen=True)
class Study:
    """A validated study. needs: task -> those of NEEDS that its recipe states."""

    name: str
    description: str
    source: Path
    cells: tuple[Cell, ...]
    datasets: dict[str, dict[str, Any]] = field(hash=False, compare=False, repr=False)
    share_gpu: bool = False
    timings: tuple[Timing, ...] = ()
    needs: dict[str, dict[str, float]] = field(default_factory=dict, hash=False, compare=False, repr=False)

    def cell(self, hardware: str, task: str, noise: str) -> Cell:
        """The cell of that name, or a clear error."""
        for cell in self.cells:
            if (cell.hardware, cell.task, cell.noise) == (hardware, task, noise):
                return cell
        wanted = f"{hardware}/{task}/{noise}"
        raise NoisegridError(f"study {self.name}: {unknown('cell', wanted, (cell.path for cell in self.cells))}")

    def siblings(self, hardware: str, task: str, batch: Batch = WHOLE) -> list[Cell]:
        """The cells of one task on one hardware: what training jobs work on, since they differ in noise alone.

        batch: those that a job holds replicates of.
        """
        cells = (cell for cell in self.cells if (cell.hardware, cell.task) == (hardware, task))
        return [cell for cell in cells if batch.holds(cell.noise)]

    @property
    def tasks(self) -> list[tuple[str, str]]:
        """Every task on every hardware that is named for it: (hardware, task)."""
        return list(dict.fromkeys((cell.hardware, cell.task) for cell in self.cells))

    def values(self, what: str) -> list[str]:
        """The distinct values of `hardware`, `task`, `noise` or `dataset`, in the study's order."""
        return list(dict.fromkeys(str(getattr(cell, what)) for cell in self.cells))


def digest(settings: Any) -> str:
    """SHA-256 (first 16 hex digits) of a JSON-able value, independent of key order."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def load_study(name_or_path: str) -> Study:
    """Read, validate and resolve a study, by name (workflow/studies) or by path."""
    path = _find(name_or_path)
    document = read_yaml(path)
    check(document, "study", str(path))
    tasks = resolve_tasks(document.get("tasks", {}), str(path))
    datasets = _datasets(document.get("datasets", {}), str(path))
    cells: dict[str, Cell] = {}
    for index, block in enumerate(document["cells"]):
        where = f"{path}: cells[{index}]"
        names = devices.named(block["hardware"], where)
        for hardware, task, noise in itertools.product(names, block["tasks"], block["noise"]):
            settings = {
                "protocol": PROTOCOL,
                "seed": document["seed"],
                "hardware": _hardware(hardware, where),
                "task": _task(tasks, datasets, task, where),
                "noise": noise,
            }
            _check_memory(hardware, task, tasks[task].get("memory_gb", 0.0), where)
            cell = _cell(document["name"], (hardware, task, noise), settings, block, where)
            if cell.path in cells:
                raise NoisegridError(f"{where}: the cell {cell.path} is named twice")
            cells[cell.path] = cell
    words = str(document.get("description", ""))
    timings = timings_of(document.get("cost", []), str(path))
    needs = {name: {key: task[key] for key in NEEDS & task.keys()} for name, task in tasks.items()}
    shared = document.get("share_gpu", False)
    return Study(document["name"], words, path, tuple(cells.values()), datasets, shared, timings, needs)


def resolve_tasks(own: dict[str, Any], where: str) -> dict[str, dict[str, Any]]:
    """The catalog's tasks and the study's own, with every `like` replaced by what it stands for."""
    taken = sorted(own.keys() & catalog("tasks").keys())
    if taken:
        raise NoisegridError(f"{where}: tasks.{taken[0]} is already in the catalog; give yours another name")
    entries = {**catalog("tasks"), **own}
    resolved = {}
    for name in entries:
        resolved[name] = _without_like(name, entries, where)
        origin = f"{where}: tasks.{name}" if name in own else f"workflow/catalog/tasks.yaml: {name}"
        check(resolved[name], "task", origin)
    return resolved


def _without_like(name: str, entries: dict[str, Any], where: str, trail: tuple[str, ...] = ()) -> dict[str, Any]:
    if name in trail:
        raise NoisegridError(f"{where}: tasks.{trail[0]}: `like` goes in a circle ({' -> '.join([*trail, name])})")
    if name not in entries:
        raise NoisegridError(f"{where}: tasks.{trail[-1]}.like: {unknown('task', name, entries)}")
    entry = dict(entries[name])
    parent = entry.pop("like", None)
    if parent is None:
        return entry
    inherited = _without_like(parent, entries, where, (*trail, name))
    if not entry.keys().isdisjoint(DECIDES_NEEDS):
        inherited = {key: value for key, value in inherited.items() if key not in NEEDS}
    return inherited | entry


def _find(name_or_path: str) -> Path:
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
    """One cell of a block, checked for sources that are not there."""
    replicates, pairs = block["replicates"], block.get("pairs", 1)
    if replicates < 2 * pairs:
        raise NoisegridError(f"{where}: {pairs} pairs need at least {2 * pairs} replicates, two of each")
    if pairs > 1:
        settings["pairs"] = pairs
    _check_source_exists(names[1], settings, names[2], where)
    return Cell(study, *names, replicates, settings)


def _datasets(own: dict[str, Any], where: str) -> dict[str, dict[str, Any]]:
    """The catalog's datasets and the study's own."""
    for name, entry in own.items():
        check(entry, "dataset", f"{where}: datasets.{name}")
        check_reference(entry["read"], f"{where}: datasets.{name}.read")
        if name in catalog("datasets"):
            raise NoisegridError(f"{where}: datasets.{name} is already in the catalog; give yours another name")
    return {**catalog("datasets"), **own}


#: What of a catalog entry decides a result, as opposed to what finds or describes the machine.
HARDWARE_SETTINGS = ("device", "gpu", "precision", "tf32", "memory_format", "kernels")


def _hardware(name: str, where: str) -> dict[str, Any]:
    entry = hardware_entry(name, where)
    settings = {key: entry[key] for key in HARDWARE_SETTINGS if key in entry}
    # a stack that is named makes another experiment; that of the catalog goes without saying
    return settings | ({"stack": entry["stack"]} if "@" in name else {})


def _task(
    tasks: dict[str, dict[str, Any]], datasets: dict[str, dict[str, Any]], name: str, where: str
) -> dict[str, Any]:
    """The recipe with its network and dataset spelt out, and without words that change no number."""
    if name not in tasks:
        raise NoisegridError(f"{where}: {unknown('task', name, tasks)}")
    recipe = {key: value for key, value in tasks[name].items() if key not in WORDS}
    if recipe["dataset"] not in datasets:
        raise NoisegridError(f"{where}: task {name}: {unknown('dataset', recipe['dataset'], datasets)}")
    network, networks, own = recipe["network"], catalog("networks"), {}
    if ":" in network:
        # an edited network is another one, and so is its cell
        own = {"source": reference_digest(network, f"{where}: task {name}: network")}
    elif network not in networks:
        raise NoisegridError(f"{where}: task {name}: {unknown('network', network, networks)}")
    entry = networks.get(network, {"build": network, "options": {}})
    options = entry["options"] | recipe.pop("network_options", {})
    return {**recipe, "build": entry["build"], "options": options} | own


def _check_memory(hardware: str, task: str, need: float, where: str) -> None:
    """A task that does not fit the device's memory is refused before any work."""
    have = hardware_entry(hardware).get("memory_gb")
    if have is not None and need > have:
        raise NoisegridError(
            f"{where}: task {task} needs at least {need:g} GB of device memory, and {hardware} has {have:g} GB; "
            "take hardware with more, or a task of your own with a smaller batch_size"
        )


def _check_source_exists(task: str, settings: dict[str, Any], noise: str, where: str) -> None:
    """A single source that the recipe or the hardware does not have would be control under another name."""
    recipe = settings["task"]
    augmented = recipe["augment"]["pad"] > 0 or recipe["augment"]["flip"]
    if noise == "augment" and not augmented:
        raise NoisegridError(f"{where}: task {task} does not augment, so noise 'augment' would measure nothing")
    if noise == "dropout" and recipe["dropout"] == 0:
        raise NoisegridError(f"{where}: task {task} has no dropout, so noise 'dropout' would measure nothing")
    if noise == "autotune" and settings["hardware"]["device"] != "cuda":
        raise NoisegridError(f"{where}: noise 'autotune' is cuDNN's choice of kernels, which only CUDA hardware has")
