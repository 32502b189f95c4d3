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
from noisegrid.study import recipes, resolve, sharing
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
            self.found |= dict.fromkeys((str(error), *error.more))
        except (AttributeError, KeyError, TypeError, ValueError):
            if not self.malformed:  # otherwise the schema's error already states the mistake
                raise
        return None

    def any_at(self, where: str) -> bool:
        """Return whether a mistake was found at this place, such as `mine.yaml: cells[0]`."""
        return any(sentence.startswith(where) for sentence in self.found)


def mistakes(name_or_path: str) -> list[str]:
    """Return one sentence for each mistake in a study; the list is empty if the study can be run.

    What depends on a part with a mistake is not checked, because its messages might merely follow from that mistake.
    """
    result = Mistakes()
    path = result.collect(resolve.find, name_or_path)
    document = path and result.collect(read_yaml, path)
    if not document:
        return list(result.found)
    where = str(path)
    result.collect(resolve.check_old_keys, document, where)
    result.collect(sharing.check_number, document, where)
    if result.found:  # the schema would only say again that these keys are wrong
        resolve.remove_old_keys(document)
        document = {key: value for key, value in document.items() if key != "share_gpu" or not isinstance(value, bool)}
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
    document = {"name": "", "seed": 0} | document
    own, datasets = _keyed(document, "datasets"), dict(catalog("datasets"))
    for name, entry in own.items():
        datasets |= result.collect(recipes.resolve_datasets, {name: entry}, where) or {}
    tasks = _check_tasks(_keyed(document, "tasks"), where, result)
    # what a task with a mistake in its dataset needs is not known
    checked = {name: task for name, task in tasks.items() if task["dataset"] not in own.keys() - datasets.keys()}
    cells, unsound = _check_cells(document, checked, datasets, where, result)
    sound = [cell for cell in cells if cell.task not in unsound]
    _check_sharing(document.get("share_gpu", 1), sound, tasks, where, result)
    _check_overhead(document, where, result)
    complete = not unsound and not result.any_at(f"{where}: cells")
    for key, check in (("versus", comparisons), ("inference", evaluations)):
        entries, before = _listed(document, key), len(result.found)
        for index, entry in enumerate(entries):
            here = f"{where}: {key}[{index}]"
            known = complete or _tasks_of(entry) <= {cell.task for cell in sound}
            if sound and known and not result.any_at(here):
                result.collect(resolve.check_labels, key, entry, tasks, datasets, here)
                result.collect(check, [entry], sound, where, index)
        if sound and complete and len(result.found) == before:
            result.collect(check, entries, sound, where)  # an entry may occur twice


def _check_overhead(document: dict[str, Any], where: str, result: Mistakes) -> None:
    """Check each timed network of each sound block on its own."""
    blocks = _listed(document, "overhead")
    for index, block in enumerate(blocks):
        if not result.any_at(f"{where}: overhead[{index}]"):
            for hardware, network in itertools.product(block["hardware"], block["networks"]):
                one = block | {"hardware": [hardware], "networks": [network]}
                result.collect(timed_networks, [one], where, index)
    if not result.any_at(f"{where}: overhead"):
        result.collect(timed_networks, blocks, where)  # two blocks may name the same network


def _check_tasks(own: dict[str, Any], where: str, result: Mistakes) -> dict[str, Any]:
    """Check each task of a study, unless a task that it starts from has a mistake. Return the tasks without mistakes.

    The tasks of the catalog are among them, but for those whose names the study uses again.
    """
    known = recipes.resolve_tasks({}, where)
    for name in sorted(own.keys() & known.keys()):
        result.collect(recipes.resolve_tasks, {name: own[name]}, where, name)
    new = {name: entry for name, entry in own.items() if name not in known and isinstance(entry, dict)}
    tasks = {name: task for name, task in known.items() if name not in own}
    origins = {name: _origins(name, new) for name in new}
    for name in sorted(new, key=lambda name: len(origins[name])):
        if name in origins[name] or tasks.keys() >= set(origins[name]):
            tasks |= result.collect(recipes.resolve_tasks, new, where, name) or {}
    return tasks


def _origins(name: str, tasks: dict[str, dict[str, Any]]) -> list[str]:
    """Return from which of these tasks a task starts, directly or indirectly; itself, if that is circular."""
    found, origin = list[str](), tasks[name].get("like")
    while isinstance(origin, str) and origin in tasks and origin not in found:
        found.append(origin)
        origin = tasks[origin].get("like")
    return found


def _check_cells(
    document: dict[str, Any], tasks: dict[str, Any], datasets: dict[str, Any], where: str, result: Mistakes
) -> tuple[list[Cell], set[str]]:
    """Check each cell on its own. Return those without a mistake, and the tasks that have others."""
    own, cells, unsound = _keyed(document, "tasks"), dict[str, Cell](), set[str]()
    for index, block in enumerate(_listed(document, "cells")):
        here = f"{where}: cells[{index}]"
        if result.any_at(here):
            unsound |= set(_texts(block, "tasks"))
        names = result.collect(devices.named, _texts(block, "hardware"), here) or []
        for hardware in names:
            result.collect(resolve.hardware_settings, hardware, here)
        for task, design, hardware in itertools.product(_texts(block, "tasks"), _designs(block), names):
            if task in own and task not in tasks:
                unsound.add(task)  # the mistake in this task is already in the list
                continue
            one = {"hardware": [hardware], "tasks": [task], **design}
            found = result.collect(_cells, document, one, tasks, datasets, here)
            unsound |= {task} if found is None else set()
            for cell in found or []:
                result.collect(resolve.add_cell, cells, cell, here)
        unsound |= set() if names else set(_texts(block, "tasks"))
    return list(cells.values()), unsound


def _check_sharing(share_gpu: Any, cells: list[Cell], tasks: dict[str, Any], where: str, result: Mistakes) -> None:
    """Check for each task whether its replicates can share a GPU, if their number is a number."""
    if not isinstance(share_gpu, int) or share_gpu < 1:
        return
    for place in dict.fromkeys((cell.hardware, cell.task) for cell in cells):
        same = [cell for cell in cells if (cell.hardware, cell.task) == place]
        result.collect(sharing.check_cells, same, share_gpu, tasks, where)


def _cells(*arguments: Any) -> list[Cell]:
    """Return the cells of a block as a list, so that a mistake in any of them raises an error here and not later."""
    return list(resolve.cells_of_block(*arguments))


def _designs(block: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the keys of a block that say what varies: once for each noise, or once if the block is crossed."""
    if "crossed" in block:
        return [{key: block[key] for key in ("crossed", *REPLACED) if key in block}]
    replicates = block.get("replicates")
    size: dict[str, Any] = {"replicates": 2}
    if isinstance(replicates, int) and not isinstance(replicates, bool) and replicates >= 2:
        size = {key: block[key] for key in ("replicates", "seed_sets") if key in block}
    return [{"noise": [noise], **size} for noise in _texts(block, "noise")]


def _tasks_of(entry: dict[str, Any]) -> set[str]:
    """Return the tasks that an entry of `versus` or `inference` names."""
    return {str(entry[key]) for key in ("a", "b", "task") if key in entry}


def _keyed(document: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the mapping at a key of a document; empty if anything else is there, which the schema's errors state."""
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _listed(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the mappings in the list at a key of a document; an empty mapping stands for anything else in it."""
    found = document.get(key)
    return [item if isinstance(item, dict) else {} for item in found] if isinstance(found, list) else []


def _texts(block: dict[str, Any], key: str) -> list[str]:
    """Return the texts in the list at a key of a block."""
    found = block.get(key)
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []
