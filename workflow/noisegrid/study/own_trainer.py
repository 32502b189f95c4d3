"""Recipes that name a training function of the user, and the keys that all other recipes need."""

from typing import Any

from noisegrid.common.errors import NoisegridError
from noisegrid.common.references import check_reference, corrected

#: The keys that noisegrid's own training loop needs.
LOOP = ("network", "epochs", "batch_size", "optimizer")
#: The keys that a recipe with a training function may have.
WITH_TRAINER = {"trainer", "trainer_options", "dataset", "epochs", "batch_size", "context", "tolerance", "deviations"}
WITH_TRAINER |= {"memory_gb", "tflop_per_epoch", "weights_mb"}


def check_loop(recipe: dict[str, Any], where: str) -> None:
    """Raise NoisegridError if a recipe lacks a key that noisegrid's training loop needs."""
    if missing := [key for key in LOOP if key not in recipe]:
        raise NoisegridError(f"{where}: the key {missing[0]!r} is missing; add it, or name your own `trainer`")
    if "trainer_options" in recipe:
        raise NoisegridError(f"{where}: trainer_options needs `trainer`; add it, or remove trainer_options")


def check_trainer(recipe: dict[str, Any], where: str) -> None:
    """Raise NoisegridError if a recipe with a training function has keys that the function replaces."""
    check_reference(recipe["trainer"], f"{where}.trainer")
    if extra := sorted(recipe.keys() - WITH_TRAINER):
        raise NoisegridError(
            f"{where}: {extra[0]} has no effect on your own trainer; remove it, or pass it to your function in "
            "trainer_options"
        )


def with_trainer(recipe: dict[str, Any]) -> dict[str, Any]:
    """Return the recipe as a cell's settings have it: the function stands in place of the network."""
    function = corrected(recipe["trainer"])
    options = recipe.get("trainer_options", {})
    kept = {key: value for key, value in recipe.items() if key != "trainer_options"}
    return (
        {"epochs": 1, "batch_size": 1} | kept | {"network": function, "trainer": function, "network_options": options}
    )
