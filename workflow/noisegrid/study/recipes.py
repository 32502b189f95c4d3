"""Tasks and datasets: entries of the catalogs and of a study, resolved into the settings of a cell."""

from typing import Any

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.common.schemas import catalog, check, check_reference, reference_digest

#: What a task requires; these and the words about it change no result.
REQUIREMENTS = frozenset({"memory_gb", "tflop_per_epoch"})
WORDS = frozenset({"deviations"}) | REQUIREMENTS
#: A change of any of these makes inherited requirements wrong.
DECIDES_REQUIREMENTS = frozenset({"network", "network_options", "dataset", "batch_size", "augment"})


def resolve_tasks(own: dict[str, Any], where: str, only: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the catalog's tasks and the study's own (or only one of them), with every `like` replaced."""
    taken = sorted(own.keys() & catalog("tasks").keys())
    if taken:
        raise NoisegridError(f"{where}: tasks.{taken[0]} is already in the catalog; give yours another name")
    entries = {**catalog("tasks"), **own}
    resolved = {}
    for name in entries if only is None else [only]:
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
    if not entry.keys().isdisjoint(DECIDES_REQUIREMENTS):
        inherited = {key: value for key, value in inherited.items() if key not in REQUIREMENTS}
    return inherited | entry


def check_own_network(settings: dict[str, Any]) -> None:
    """Refuse to train with a network of the user's whose file was edited after the study was planned."""
    task = settings["task"]
    if "source" in task and reference_digest(task["build"], "task") != task["source"]:
        raise NoisegridError(
            f"the file of network {task['build']} was edited after this study was planned; run Snakemake again"
        )


def resolve_datasets(own: dict[str, Any], where: str) -> dict[str, dict[str, Any]]:
    """Return the catalog's datasets and the study's own."""
    for name, entry in own.items():
        check(entry, "dataset", f"{where}: datasets.{name}")
        check_reference(entry["read"], f"{where}: datasets.{name}.read")
        if name in catalog("datasets"):
            raise NoisegridError(f"{where}: datasets.{name} is already in the catalog; give yours another name")
    return {**catalog("datasets"), **own}


def task_settings(
    tasks: dict[str, dict[str, Any]], datasets: dict[str, dict[str, Any]], name: str, where: str
) -> dict[str, Any]:
    """Return the settings of a task: its recipe with the network spelt out, without what changes no result."""
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
