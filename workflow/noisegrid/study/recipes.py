"""The tasks and datasets of the catalogs and of a study, and how they are resolved into the settings of a cell."""

from typing import Any

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.common.references import check_reference, corrected, is_reference, reference_digest
from noisegrid.common.schemas import catalog, check
from noisegrid.study.kinds import check_dataset_keys
from noisegrid.study.optimization import check_optimization
from noisegrid.study.own_trainer import check_loop, check_trainer, with_trainer
from noisegrid.study.processes import check_world

#: Keys of a task that do not affect results. REQUIREMENTS are the resources that the task requires. WORDS are
#: REQUIREMENTS and the keys that only describe the task.
REQUIREMENTS = frozenset({"memory_gb", "tflop_per_epoch", "launches_per_step", "weights_mb"})
WORDS = frozenset({"deviations", "without_batch_norm"}) | REQUIREMENTS
#: If a task that has `like` sets any of these keys itself, it does not inherit the requirements, because the inherited
#: values would be wrong.
DECIDES_REQUIREMENTS = frozenset(
    {"network", "network_options", "dataset", "batch_size", "world_size", "augment", "context"}
)


def resolve_tasks(own: dict[str, Any], where: str, only: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the tasks of the catalog and of a study, with every `like` resolved.

    Parameters
    ----------
    own : dict
        The tasks that the study defines.
    where : str
        The file of the study, for error messages.
    only : str, optional
        The name of the only task to resolve and return; by default, all tasks are resolved.

    Raises
    ------
    NoisegridError
        If a task is malformed or has the same name as a task of the catalog, if `like` or `without_batch_norm` names an
        unknown task, or if `like` is circular.
    """
    taken = sorted(own.keys() & catalog("tasks").keys())
    if taken:
        raise NoisegridError(f"{where}: tasks.{taken[0]} is already in the catalog; give yours another name")
    entries = {**catalog("tasks"), **own}
    resolved = {}
    for name in entries if only is None else [only]:
        resolved[name] = _without_like(name, entries, where)
        origin = f"{where}: tasks.{name}" if name in own else f"workflow/catalog/tasks.yaml: {name}"
        check(resolved[name], "task", origin)
        if "trainer" in resolved[name]:
            check_trainer(resolved[name], origin)
        else:
            check_loop(resolved[name], origin)
            check_optimization(resolved[name], origin)
            check_world(resolved[name], origin)
        counterpart = resolved[name].get("without_batch_norm", name)
        if counterpart not in entries:
            raise NoisegridError(f"{origin}.without_batch_norm: {unknown('task', counterpart, entries)}")
    return resolved


def _without_like(name: str, entries: dict[str, Any], where: str, trail: tuple[str, ...] = ()) -> dict[str, Any]:
    if name in trail:
        raise NoisegridError(
            f"{where}: tasks.{trail[0]}: `like` is circular ({' -> '.join([*trail, name])}); start from another task"
        )
    if name not in entries:
        raise NoisegridError(f"{where}: tasks.{trail[-1]}.like: {unknown('task', name, entries)}")
    entry = dict(entries[name])
    parent = entry.pop("like", None)
    if parent is None:
        return entry
    inherited = _without_like(parent, entries, where, (*trail, name))
    inherited.pop("without_batch_norm", None)  # it names the counterpart of the parent
    if not entry.keys().isdisjoint(DECIDES_REQUIREMENTS):
        inherited = {key: value for key, value in inherited.items() if key not in REQUIREMENTS}
    return inherited | entry


def least_memory_gb(task: dict[str, Any], precision: str) -> float:
    """Return the least device memory in GB that a training step of a resolved task needs; 0 if it is unknown.

    `memory_gb` is one number for every precision, or a number for each.
    """
    stated = task.get("memory_gb", 0.0)
    return float(stated.get(precision, 0.0) if isinstance(stated, dict) else stated)


def check_own_code(settings: dict[str, Any]) -> None:
    """Raise NoisegridError if the file of a user's own network or loss was edited after the study was planned."""
    task = settings["task"]
    loss = task.get("loss", {})
    for kind, reference, part in (("network", task["build"], task), ("loss", loss.get("name"), loss)):
        if "source" in part and reference_digest(reference, "task") != part["source"]:
            raise NoisegridError(
                f"the file of {kind} {reference} was edited after this study was planned; run Snakemake again"
            )


def resolve_datasets(own: dict[str, Any], where: str) -> dict[str, dict[str, Any]]:
    """Return the datasets of the catalog and of a study. Raise NoisegridError if a dataset of the study is invalid."""
    for name, entry in own.items():
        check(entry, "dataset", f"{where}: datasets.{name}")
        check_dataset_keys(entry, f"{where}: datasets.{name}")
        check_reference(entry["read"], f"{where}: datasets.{name}.read")
        if name in catalog("datasets"):
            raise NoisegridError(f"{where}: datasets.{name} is already in the catalog; give yours another name")
    return {**catalog("datasets"), **{name: entry | {"read": corrected(entry["read"])} for name, entry in own.items()}}


def task_settings(
    tasks: dict[str, dict[str, Any]], datasets: dict[str, dict[str, Any]], name: str, where: str
) -> dict[str, Any]:
    """Return the settings of a task: the recipe with the network resolved, without the keys that do not affect results.

    Parameters
    ----------
    tasks, datasets : dict
        The resolved tasks and datasets.
    name : str
        The name of the task.
    where : str
        The file and key that contain the name, for error messages.

    Raises
    ------
    NoisegridError
        If the task, its dataset or its network is unknown.
    """
    if name not in tasks:
        raise NoisegridError(f"{where}: {unknown('task', name, tasks)}")
    recipe = {key: value for key, value in tasks[name].items() if key not in WORDS}
    if "trainer" in recipe:
        recipe = with_trainer(recipe)
    if recipe["dataset"] not in datasets:
        raise NoisegridError(f"{where}: task {name}: {unknown('dataset', recipe['dataset'], datasets)}")
    network, networks, own = recipe["network"], catalog("networks"), {}
    if network not in networks and is_reference(network):
        recipe["network"] = network = corrected(network)
        # an edited network is a different network, so its cell gets a different digest
        own = {"source": reference_digest(network, f"{where}: task {name}: network")}
    elif network not in networks:
        raise NoisegridError(f"{where}: task {name}: {unknown('network', network, networks)}")
    if "loss" in recipe and is_reference(loss := recipe["loss"]["name"]):
        source = reference_digest(corrected(loss), f"{where}: task {name}: loss")
        recipe["loss"] = recipe["loss"] | {"name": corrected(loss), "source": source}
    entry = networks.get(network, {"build": network, "options": {}})
    options = entry["options"] | recipe.pop("network_options", {})
    return {**recipe, "build": entry["build"], "options": options} | own
