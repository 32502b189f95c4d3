"""Check that a recipe, and what a study asks of it, fit the kind of the dataset and of its labels."""

from typing import Any

from noisegrid.common.errors import NoisegridError


def check_dataset_keys(entry: dict[str, Any], where: str) -> None:
    """Raise NoisegridError if a dataset's entry lacks a key that its kind needs."""
    kind = entry.get("kind", "images")
    needed = ["full_scale"] if kind == "images" else []
    if kind != "tokens" and entry.get("labels") != "values":
        needed.append("classes")
    if entry.get("labels", "classes") == "classes" and entry.get("classes", 2) < 2:
        raise NoisegridError(
            f"{where}.classes: 1 is less than two classes; for a yes or no, label the examples 0 and 1"
        )
    if missing := [key for key in needed if key not in entry]:
        raise NoisegridError(f"{where}: {missing[0]} is missing, which a dataset of the kind {kind} needs; add it")


def check_kind(name: str, task: dict[str, Any], entry: dict[str, Any], crossed: bool, where: str) -> None:
    """Check a resolved task against the entry of its dataset.

    Raises
    ------
    NoisegridError
        If the task has a setting that does not exist for this kind of data, or lacks one that does.
    """
    kind, labels = entry.get("kind", "images"), entry.get("labels", "classes")
    here = f"{where}: task {name}"
    augment = task.get("augment", {})
    if kind != "images" and any(augment.values()):
        raise NoisegridError(f"{here}: augment is for images, but {task['dataset']} is of the kind {kind}; remove it")
    if kind == "tokens" and "context" not in task:
        raise NoisegridError(f"{here}: {task['dataset']} is a stream of tokens; set `context`, the tokens of a window")
    if kind != "tokens" and "context" in task:
        raise NoisegridError(f"{here}: context is for tokens, but {task['dataset']} is of the kind {kind}; remove it")
    if labels != "values" and "tolerance" in task:
        raise NoisegridError(f"{here}: tolerance is for values, but {task['dataset']} has {labels}; remove it")
    if crossed:
        check_accuracy("a crossed cell", task["dataset"], entry, here)


def check_accuracy(what: str, dataset: str, entry: dict[str, Any], where: str) -> None:
    """Raise NoisegridError if a study asks for something that needs an accuracy, and the labels are values."""
    if entry.get("labels") == "values":
        raise NoisegridError(f"{where}: {what} needs classes or attributes, but {dataset} has values; remove it")


def training_examples(task: dict[str, Any], entry: dict[str, Any]) -> int | None:
    """Return how many training examples (for tokens, windows) a dataset's entry states; None if it states none."""
    stated: int | None = entry.get("examples")
    if stated is None or "context" not in task:
        return stated
    return (stated - 1) // int(task["context"])
