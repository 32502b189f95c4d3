"""A resolved study: its cells, its timed networks, and the digest that identifies settings.

This module reads no catalog. Therefore an edit of a catalog does not make the results of a command stale if the command
imports only this module. `study/resolve.py` resolves a study file.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.common.files import short_digest
from noisegrid.study.chunk import Chunk

#: The parts of a replicate that a study keeps by default (`keep` in the study file), and EPOCHS, which it may add.
KEPT = ("weights", "midpoint_weights", "logits")
EPOCHS = "epochs"


@dataclass(frozen=True)
class Cell:
    """One combination of hardware, task and noise in a study, with all settings that affect its results.

    Attributes
    ----------
    study, hardware, task, noise : str
        The names of the study, the hardware entry, the task and the noise (or CROSSED, for a crossed cell).
    replicates : int
        The number of training runs.
    settings : dict
        The resolved settings that affect the results.
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
    def free(self) -> frozenset[str]:
        """The free sources. All other sources are held."""
        return frozenset(self.settings["free"])

    @property
    def crossed(self) -> dict[str, int]:
        """The number of levels of each source of a crossed cell; empty for any other cell."""
        return dict(self.settings.get("crossed", {}))

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
class TimedNetwork:
    """A network that is timed on one kind of hardware.

    Attributes
    ----------
    hardware, network : str
        The names in the catalogs; a user's own network has the name package.module.function.
    build : str
        The function that builds the network, as package.module:function.
    options : dict
        The options of that function.
    arms : tuple of str
        The names of the arms, in the catalog's order.
    size : int
        The edge length of an image in pixels, or the number of tokens or columns.
    batch_size : int
        The number of examples per training step.
    processes, blocks, steps : int
        The number of processes, the number of blocks of each arm in a process, and the number of training steps in a
        block.
    source : str
        The digest of the file that defines a user's network; empty for a network of the catalog.
    inputs : str
        What a user's network takes (a key of UNITS in study/arms.py); empty for what the catalog says, or images.
    classes : int
        The number of classes, or of different tokens.
    """

    hardware: str
    network: str
    build: str
    options: dict[str, Any]
    arms: tuple[str, ...]
    size: int = 224
    batch_size: int = 128
    processes: int = 5
    blocks: int = 3
    steps: int = 7
    source: str = ""
    inputs: str = ""
    classes: int = 1000

    @property
    def path(self) -> str:
        """The relative path hardware/network of the files with the timings. Messages also use it as a name."""
        return f"{self.hardware}/{self.network}"


@dataclass(frozen=True)
class Versus:
    """A comparison of two methods, which are two tasks on the same dataset, hardware and with the same noise.

    Attributes
    ----------
    hardware : str
        The name of the hardware entry.
    a, b : str
        The names of the tasks. The effect is the accuracy of b minus that of a.
    noise : str
        The name of the noise.
    unpaired : bool
        Whether seed sets that both cells share are compared as if they were different ones.
    margin : float
        The largest difference in percentage points that does not matter; at 0, nothing is called equivalent.
    """

    hardware: str
    a: str
    b: str
    noise: str
    unpaired: bool = False
    margin: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """What identifies the comparison: its hardware, both tasks and the noise."""
        return self.hardware, self.a, self.b, self.noise


@dataclass(frozen=True)
class Inference:
    """The evaluation of one replicate under other conditions.

    Attributes
    ----------
    hardware, task, noise : str
        The names of the replicate's hardware entry, task and noise.
    replicate : int
        The number of the replicate.
    batch_sizes, threads : tuple of int
        The batch sizes and the numbers of threads to compare.
    examples : int
        The number of test examples.
    """

    hardware: str
    task: str
    noise: str
    replicate: int = 0
    batch_sizes: tuple[int, ...] = (1, 2, 8, 64)
    threads: tuple[int, ...] = (1, 2)
    examples: int = 256

    @property
    def cell(self) -> str:
        """The path hardware/task/noise of the replicate's cell."""
        return f"{self.hardware}/{self.task}/{self.noise}"


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
        The entries of the datasets, by name. A study that was read from design.json has only the entries of
        datasets that it uses. Any other study has all entries of the catalog and of its study file.
    share_gpu : int
        The number of replicates that train on one GPU at the same time.
    timed_networks : tuple of TimedNetwork
        The networks whose overhead is measured.
    requirements : dict
        For each task name, a dictionary with the requirements (see REQUIREMENTS) that the task specifies.
    keep : tuple of str
        The parts in KEPT that every replicate keeps on disk.
    versus : tuple of Versus
        The comparisons of two methods.
    inference : tuple of Inference
        The replicates that are evaluated under other conditions.
    """

    name: str
    description: str
    source: Path
    cells: tuple[Cell, ...]
    datasets: dict[str, dict[str, Any]] = field(hash=False, compare=False, repr=False)
    share_gpu: int = 1
    timed_networks: tuple[TimedNetwork, ...] = ()
    requirements: dict[str, dict[str, Any]] = field(default_factory=dict, hash=False, compare=False, repr=False)
    keep: tuple[str, ...] = KEPT
    versus: tuple[Versus, ...] = ()
    inference: tuple[Inference, ...] = ()

    def cell(self, hardware: str, task: str, noise: str) -> Cell:
        """Return the cell with the given hardware, task and noise. Raise NoisegridError if there is no such cell."""
        for cell in self.cells:
            if (cell.hardware, cell.task, cell.noise) == (hardware, task, noise):
                return cell
        wanted = f"{hardware}/{task}/{noise}"
        raise NoisegridError(f"study {self.name}: {unknown('cell', wanted, (cell.path for cell in self.cells))}")

    def siblings(self, hardware: str, task: str) -> list[Cell]:
        """Return the cells of one task on the given hardware, one for each noise."""
        return [cell for cell in self.cells if (cell.hardware, cell.task) == (hardware, task)]

    def cells_of(self, hardware: str, chunk: Chunk) -> list[Cell]:
        """Return the cells whose replicates a job on the given hardware trains."""
        return [cell for cell in self.cells if cell.hardware == hardware and chunk.holds(cell.task, cell.noise)]

    def pace_identity(self, hardware: str, task: str) -> str:
        """Hash the settings that determine the duration of a replicate: recipe and hardware, but not noise or seed."""
        settings = self.siblings(hardware, task)[0].settings
        return digest([settings["task"], settings["hardware"]])

    @property
    def tasks(self) -> list[tuple[str, str]]:
        """All pairs (hardware, task) of the study."""
        return list(dict.fromkeys((cell.hardware, cell.task) for cell in self.cells))

    @property
    def timed_hardware(self) -> list[str]:
        """The names of the hardware entries on which the study times networks."""
        return list(dict.fromkeys(timed.hardware for timed in self.timed_networks))

    @property
    def hardware(self) -> list[str]:
        """The names of all hardware entries on which the study trains or times networks."""
        return list(dict.fromkeys([*self.values("hardware"), *self.timed_hardware]))

    def values(self, what: str) -> list[str]:
        """Return the distinct values of an attribute of the cells, in the study's order.

        `what` is `hardware`, `task`, `noise` or `dataset`.
        """
        return list(dict.fromkeys(str(getattr(cell, what)) for cell in self.cells))


def repeated(cells: Iterable[Cell], task: str) -> list[list[Cell]]:
    """Return the cells of a task that differ in hardware alone: a list for each noise that has several such cells.

    Crossed cells are left out, because their replicates share levels and are no independent pairs.
    """
    by_noise: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.task == task and not cell.crossed:
            by_noise.setdefault(cell.noise, []).append(cell)
    return [same for same in by_noise.values() if len(same) > 1]


def digest(settings: Any) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a JSON value. The order of its keys has no effect."""
    return short_digest(json.dumps(settings, sort_keys=True))


def changed_settings(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return one line for each difference between the settings of two cells; see `differences`.

    Settings state the number of seed sets only if it is not 1.
    """
    return differences({"seed_sets": 1} | old, {"seed_sets": 1} | new)


def differences(old: Any, new: Any, key: str = "") -> list[str]:
    """Return one line for each key whose value differs between old and new settings.

    A line contains the key and both values, as in `task.epochs: 99 -> 20`. If `old` and `new` are parts of larger
    settings, `key` is the key of this part, such as `task`; for whole settings, it is empty.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        names = sorted(old.keys() | new.keys())
        return [
            text for name in names for text in differences(old.get(name), new.get(name), f"{key}.{name}".lstrip("."))
        ]
    return [] if old == new else [f"{key}: {old} -> {new}"]
