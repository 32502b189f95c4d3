"""What the adapters share: a training function with the seeds of another function, and the argument `checkpoint`."""

import inspect
from collections.abc import Callable
from functools import wraps
from importlib.util import find_spec
from typing import Any

from noisegrid.common.errors import NoisegridError

CHECKPOINT = inspect.Parameter("checkpoint", inspect.Parameter.KEYWORD_ONLY, default=None)


def training_function(build: Callable[..., Any], train: Callable[[Any, str | None], Any]) -> Callable[..., Any]:
    """Return a function that builds and trains.

    Its arguments are those of `build`, and `checkpoint`: the path of a checkpoint that it writes, and resumes from if
    it is there. It sets no seed.

    Parameters
    ----------
    build : callable
        What gets the seeds.
    train : callable
        What gets the result of `build`, and the path or None. Its result is returned.
    """
    parameters = inspect.signature(build).parameters
    if CHECKPOINT.name in parameters:
        raise NoisegridError(
            f"{build.__name__} has an argument `{CHECKPOINT.name}`, which the adapter adds itself: remove it"
        )

    @wraps(build)
    def function(*args: Any, checkpoint: str | None = None, **kwargs: Any) -> Any:
        return train(build(*args, **kwargs), checkpoint)

    together = sorted([*parameters.values(), CHECKPOINT], key=lambda one: one.kind)
    function.__signature__ = inspect.Signature(together)  # type: ignore[attr-defined]
    return function


def need(adapter: str, extra: str, *packages: str) -> None:
    """Check that one of some packages is installed.

    Raises
    ------
    NoisegridError
        If none is.
    """
    if not any(map(find_spec, packages)):
        raise NoisegridError(
            f"{adapter} needs the package {packages[0]}; install it with: pip install 'noisegrid[{extra}]'"
        )
