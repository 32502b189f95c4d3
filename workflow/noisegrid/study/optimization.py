"""Check the optimiser, the scheduler and the loss of a recipe against their catalogs, which name PyTorch's classes."""

from typing import Any

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.common.references import check_reference, is_reference
from noisegrid.common.schemas import catalog

#: The keys of an optimiser that stand for an argument of every class that has it.
KEYS = {"epsilon": "eps", "momentum": "momentum", "weight_decay": "weight_decay"}


def optimizer_class(name: str) -> str:
    """Return the class in torch.optim that a recipe names, in any case; the name itself if the catalog lacks it."""
    return next((known for known in catalog("optimizers") if known.lower() == name.lower()), name)


def has_named_parts(recipe: dict[str, Any]) -> bool:
    """Return whether a recipe names a class of PyTorch that the installed version may lack, or a function of a user."""
    if "optimizer" not in recipe:  # the recipe names a training function
        return False
    optimizer = recipe["optimizer"]
    plain = optimizer_class(optimizer["name"]) in ("Adam", "SGD") and not optimizer.get("options")
    return not plain or "scheduler" in recipe or "loss" in recipe


def check_optimization(recipe: dict[str, Any], where: str) -> None:
    """Check the optimiser, the scheduler and the loss of a resolved recipe.

    Raises
    ------
    NoisegridError
        If the catalogs lack a name or an option, or if settings exclude each other.
    """
    _check_optimizer(recipe["optimizer"], f"{where}.optimizer")
    if "scheduler" in recipe:
        _check_scheduler(recipe, where)
    if "loss" in recipe:
        _check_loss(recipe, where)
    last = recipe.get("average", {}).get("last_epochs", 0)
    if last > recipe["epochs"]:
        raise NoisegridError(
            f"{where}.average: the recipe has only {recipe['epochs']} epochs, not {last}; correct last_epochs"
        )
    parts = recipe.get("accumulate", 1)
    if recipe["batch_size"] % parts:
        raise NoisegridError(
            f"{where}.accumulate: a batch of {recipe['batch_size']} cannot be divided into {parts} equal parts; "
            "choose a divisor of batch_size"
        )


def _check_optimizer(settings: dict[str, Any], where: str) -> None:
    entries, name = catalog("optimizers"), optimizer_class(settings["name"])
    if name not in entries:
        raise NoisegridError(f"{where}: {unknown('optimizer', settings['name'], entries)}")
    arguments = entries[name]["arguments"]
    for key, argument in KEYS.items():
        if key in settings and argument not in arguments:
            others = [other for other, entry in entries.items() if argument in entry["arguments"]]
            raise NoisegridError(
                f"{where}: {settings['name']} has no {key}; remove it, or use an optimizer that has it: "
                f"{', '.join(others)}"
            )
    _check_options(settings, [argument for argument in arguments if argument not in KEYS.values()], where)


def _check_scheduler(recipe: dict[str, Any], where: str) -> None:
    settings, entries, here = recipe["scheduler"], catalog("schedulers"), f"{where}.scheduler"
    if recipe.get("schedule"):
        raise NoisegridError(f"{here}: the recipe has a `schedule` too; remove it with `schedule: []`")
    if settings["name"] not in entries:
        raise NoisegridError(f"{here}: {unknown('scheduler', settings['name'], entries)}")
    entry = entries[settings["name"]]
    _check_options(settings, entry["arguments"], here)
    if recipe["optimizer"].get("warmup_epochs") and not entry.get("warmup", True):
        raise NoisegridError(f"{here}: warmup_epochs cannot come before {settings['name']}; remove one of the two")
    if settings["name"] == "ReduceLROnPlateau" and settings.get("each") == "step":
        raise NoisegridError(f"{here}.each: ReduceLROnPlateau needs the mean loss of an epoch; write `each: epoch`")


def _check_loss(recipe: dict[str, Any], where: str) -> None:
    settings, entries, here = recipe["loss"], catalog("losses"), f"{where}.loss"
    if is_reference(settings["name"]):
        check_reference(settings["name"], f"{here}.name")
    elif settings["name"] not in entries:
        raise NoisegridError(f"{here}: {unknown('loss', settings['name'], entries)}")
    else:
        _check_options(settings, entries[settings["name"]]["arguments"], here)
    if recipe.get("label_smoothing"):
        raise NoisegridError(
            f"{here}: label_smoothing applies to the default loss alone; remove it, or write "
            "`loss: {name: CrossEntropyLoss, options: {label_smoothing: ...}}`"
        )


def _check_options(settings: dict[str, Any], arguments: list[str], where: str) -> None:
    kind = f"option of {settings['name']}"
    for option in settings.get("options", {}):
        if option not in arguments:
            raise NoisegridError(f"{where}.options: {unknown(kind, option, arguments)}")
