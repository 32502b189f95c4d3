"""The check that finds all mistakes in a study at once; `load_study` stops at the first mistake."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError
from noisegrid.common.references import corrected
from noisegrid.common.schemas import catalog, problems, read_yaml
from noisegrid.runtime import devices
from noisegrid.runtime.hardware import entry as hardware_entry
from noisegrid.study import recipes, resolve
from noisegrid.study.arms import timed_networks
from noisegrid.study.crossing import REPLACED
from noisegrid.study.inference import evaluations
from noisegrid.study.study import Cell, Study
from noisegrid.study.versus import comparisons


class Mistakes:
    """The mistakes found so far, without duplicates, in the order in which they were found."""

    def __init__(self) -> None:
        self.found = dict[str, None]()
        self.malformed = False

    def collect(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function and return its result; after a NoisegridError, keep the message and return None."""
        try:
            return function(*arguments)
        except NoisegridError as error:
            self.found[str(error)] = None
        except (AttributeError, KeyError, TypeError, ValueError):
            if not self.malformed:  # otherwise the schema's error already states the mistake
                raise
        return None


def mistakes(name_or_path: str) -> list[str]:
    """Return one sentence for each mistake in a study; the list is empty if the study can be run."""
    result = Mistakes()
    path = result.collect(resolve.find, name_or_path)
    document = path and result.collect(read_yaml, path)
    if not document:
        return list(result.found)
    where = str(path)
    result.collect(resolve.check_old_keys, document, where)
    if result.found:
        return list(result.found)
    for sentence in problems(document, "study", where):
        result.found[sentence] = None
        result.malformed = True
    result.collect(_check_parts, document, where, result)
    if not result.found:
        result.collect(resolve.load_study, name_or_path)
    return list(result.found)


def corrections(path: Path) -> list[str]:
    """Return one sentence for each package.module.function in a study's file, with the form package.module:function."""
    document = read_yaml(path) if path.suffix != ".json" else {}
    written = {f"tasks.{name}.network": entry.get("network", "") for name, entry in document.get("tasks", {}).items()}
    written |= {f"datasets.{name}.read": entry.get("read", "") for name, entry in document.get("datasets", {}).items()}
    return [
        f"{path}: {key}: {reference} is read as {corrected(reference)}; write it in this form"
        for key, reference in written.items()
        if corrected(reference) != reference and reference not in catalog("networks")
    ]


def remarks(study: Study) -> list[str]:
    """Return what the catalog notes about the hardware of a study, one line for each entry with a note."""
    notes = {name: hardware_entry(name).note for name in study.hardware}
    return [f"hardware {name}: {note}" for name, note in notes.items() if note]


def _check_parts(document: dict[str, Any], where: str, result: Mistakes) -> None:
    """Check each task, dataset, cell, timed network and comparison on its own."""
    own = document.get("tasks", {})
    tasks, datasets = recipes.resolve_tasks({}, where), dict(catalog("datasets"))
    for name in own:
        tasks |= result.collect(recipes.resolve_tasks, own, where, name) or {}
    for name, entry in document.get("datasets", {}).items():
        datasets |= result.collect(recipes.resolve_datasets, {name: entry}, where) or {}
    cells = _check_cells(document, tasks, datasets, where, result)
    for index, block in enumerate(document.get("overhead", [])):
        result.collect(timed_networks, [block], where, index)
    if not result.found:  # these are about cells, which may be missing because of another mistake
        result.collect(comparisons, document.get("versus", []), cells, where)
        result.collect(evaluations, document.get("inference", []), cells, where)


def _check_cells(
    document: dict[str, Any], tasks: dict[str, Any], datasets: dict[str, Any], where: str, result: Mistakes
) -> list[Cell]:
    """Check each cell on its own, and return those that have no mistake."""
    own, cells = document.get("tasks", {}), list[Cell]()
    for index, block in enumerate(document.get("cells", [])):
        if not all(isinstance(block[key], list) for key in ("hardware", "tasks", "noise") if key in block):
            continue  # a text would be read as a list of letters
        here = f"{where}: cells[{index}]"
        names = result.collect(devices.named, block["hardware"], here) or []
        for hardware in names:
            result.collect(resolve.hardware_settings, hardware, here)
        for task, design in itertools.product(block["tasks"], _designs(block)):
            if task in own and task not in tasks:
                continue  # the mistake in this task is already in the list
            for hardware in names:
                one = {"hardware": [hardware], "tasks": [task], **design}
                cells += result.collect(_cells, document, one, tasks, datasets, here) or []
    return cells


def _cells(*arguments: Any) -> list[Cell]:
    """Return the cells of a block as a list, so that a mistake in any of them raises an error here and not later."""
    return list(resolve.cells_of_block(*arguments))


def _designs(block: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the keys of a block that say what varies: once for each noise, or once if the block is crossed."""
    if "crossed" in block:
        return [{key: block[key] for key in ("crossed", *REPLACED) if key in block}]
    size = {"replicates": max(2, block["replicates"])} | {key: block[key] for key in ("seed_sets",) if key in block}
    return [{"noise": [noise], **size} for noise in block["noise"]]
