"""The names that readers see instead of the keys of tasks, networks, noises and classes.

Titles come from the catalogs and from the registry of noises. What neither knows, such as a task of the user's own
study, keeps its name.
"""

from functools import cache
from typing import Any

from noisegrid.common.schemas import catalog
from noisegrid.study.sources import NOISES

#: Between the parts of the name of an interaction, and of a pair of hardware.
TIMES = " × "


def network_title(name: str) -> str:
    """Return the title of a network, e.g. "ResNet-18" for resnet18."""
    return str(catalog("networks").get(name, {}).get("title", name))


def dataset_title(name: str) -> str:
    """Return the title of a dataset, e.g. "Fashion-MNIST" for fashion_mnist."""
    return str(catalog("datasets").get(name, {}).get("title", name))


@cache
def task_title(task: str) -> str:
    """Return the title of a task, e.g. "Small CNN with batch norm on Fashion-MNIST"."""
    if task not in catalog("tasks"):
        return task
    network, dataset = _recipe(task, "network"), _recipe(task, "dataset")
    dropout = " with dropout" if _adds_dropout(task) else ""
    return f"{network_title(network)}{dropout} on {dataset_title(dataset)}"


def noise_title(noise: str) -> str:
    """Return the title of a noise, e.g. "data order" for order, or those of the sources of an interaction."""
    return TIMES.join(NOISES[part].title if part in NOISES else part for part in noise.split(TIMES))


def class_title(task: str, group: str) -> str:
    """Return the name of a class or attribute, e.g. "shirt" for "class 6" of a task on Fashion-MNIST."""
    word, _, number = group.rpartition(" ")
    names = _class_names(task)
    return names[int(number)] if word == "class" and number.isdecimal() and int(number) < len(names) else group


@cache
def _class_names(task: str) -> list[str]:
    if task not in catalog("tasks"):
        return []
    return list(catalog("datasets")[_recipe(task, "dataset")].get("names", []))


def _recipe(task: str, key: str) -> Any:
    """Return the value of a key of a task of the catalog, or of the task that it starts from."""
    entry = catalog("tasks")[task]
    return entry[key] if key in entry or "like" not in entry else _recipe(entry["like"], key)


def _adds_dropout(task: str) -> bool:
    """Return whether a task differs by dropout from the task of the same network and dataset that it starts from."""
    entry = catalog("tasks")[task]
    same = not entry.keys() & {"network", "dataset"} and "like" in entry
    return same and bool(entry.get("dropout")) and not _recipe(entry["like"], "dropout")
