"""What `--a` and `--b` change on one side: switches, seeds and the learning rate, each as KEY=VALUE."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.study.sources import PROBES, SOURCES
from noisegrid.training.noise import CPU_REQUIREMENTS, CPU_VARIABLES, SDPA_BACKENDS
from noisegrid.training.run import Run

#: The type of each switch.
SWITCHES: dict[str, type] = {
    "threads": int,
    "deterministic": bool,
    "tf32": bool,
    "cudnn_benchmark": bool,
    "cudnn_deterministic": bool,
    "precision": str,
    "memory_format": str,
    "sdpa_backend": str,
    "compile": bool,
    **dict.fromkeys(CPU_VARIABLES, str),
}
#: The values that a switch of type str can have.
VALUES: dict[str, tuple[str, ...]] = {
    "precision": ("fp32", "amp_fp16", "amp_bf16"),
    "memory_format": ("contiguous_format", "channels_last"),
    "sdpa_backend": tuple(SDPA_BACKENDS),
    **dict.fromkeys(CPU_VARIABLES, tuple(CPU_REQUIREMENTS)),
}
#: The sources that switches decide, and not a seed.
SWITCHED = ("impl", "autotune", "cudnn_deterministic", "atomics", "world_size", "bucket_mb")
#: The seeds of a task or record; `seed` is that of a user's step.
SEEDS = tuple(source for source in (*SOURCES, *PROBES) if source not in (*SWITCHED, *SWITCHES))
LEARNING_RATE, SEED = "learning_rate", "seed"
WORDS = {"true": True, "false": False}


@dataclass(frozen=True)
class Change:
    """A key and its new value."""

    key: str
    value: Any


def parsed(texts: Iterable[str], where: str) -> list[Change]:
    """Return the changes that texts of the form KEY=VALUE state; `where` begins error messages.

    Raises
    ------
    NoisegridError
        If a text has another form, the key is unknown, or the value does not fit the key.
    """
    return [_parsed(text, where) for text in texts]


def _parsed(text: str, where: str) -> Change:
    key, equals, value = text.partition("=")
    if not equals:
        raise NoisegridError(f"{where}: {text!r} is no change; write KEY=VALUE, such as threads=2")
    kinds: dict[str, type] = SWITCHES | dict.fromkeys((*SEEDS, SEED), int) | {LEARNING_RATE: float}
    if key not in kinds:
        raise NoisegridError(f"{where}: {unknown('key', key, kinds)}")
    if key in VALUES and value not in VALUES[key]:
        raise NoisegridError(f"{where}: {unknown(f'value of {key}', value, VALUES[key])}")
    if kinds[key] is bool:
        if value.lower() not in WORDS:
            raise NoisegridError(f"{where}: {key} is true or false, not {value!r}")
        return Change(key, WORDS[value.lower()])
    try:
        found = kinds[key](value)
    except ValueError:
        raise NoisegridError(f"{where}: {key} is a number, not {value!r}") from None
    if (
        (key == "threads" and found < 1)
        or (key == LEARNING_RATE and not found > 0)
        or (key in (*SEEDS, SEED) and found < 0)
    ):
        raise NoisegridError(f"{where}: {key}={value} is out of range; write a larger one")
    return Change(key, found)


def changed(run: Run, changes: Iterable[Change]) -> Run:
    """Return a run with other seeds, switches or another learning rate."""
    for change in changes:
        if change.key in SWITCHES:
            run = replace(run, flags=run.flags | {change.key: change.value})
        elif change.key in SEEDS:
            run = replace(run, seeds=run.seeds | {change.key: change.value})
        elif change.key == LEARNING_RATE:
            task = run.settings["task"]
            task = task | {"optimizer": task["optimizer"] | {LEARNING_RATE: change.value}}
            run = replace(run, settings=run.settings | {"task": task})
        else:
            raise NoisegridError(f"{change.key} is the seed of a step; of a task, change {', '.join(SEEDS)}")
    return run
