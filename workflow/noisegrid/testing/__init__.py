"""Assertions for pytest: the same code gives the same bits, two runs are equal, and a gain is larger than the noise.

`plugin` is what pytest loads. The functions below can be imported, and are fixtures of the same names.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from noisegrid.testing.determinism import assert_deterministic
    from noisegrid.testing.noise import noise_floor
    from noisegrid.testing.same_run import assert_same_run

__all__ = ["assert_deterministic", "assert_same_run", "noise_floor"]

#: The module of each function. It is imported when the function is first used, because pytest starts without them.
_MODULES = {"assert_deterministic": "determinism", "assert_same_run": "same_run", "noise_floor": "noise"}


def __getattr__(name: str) -> Any:
    """Import a function when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
