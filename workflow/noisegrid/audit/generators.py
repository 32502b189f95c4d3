"""The states of random generators: Python's, NumPy's and PyTorch's global ones, and those that a dataset holds."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from noisegrid.common.files import short_digest

#: How deep generators are searched in the attributes of a dataset.
DEPTH = 4


def global_states() -> dict[str, str]:
    """Return a digest of the state of each global generator, by library."""
    found = {
        "python": short_digest(repr(random.getstate())),
        "numpy": short_digest(_numpy_state(np.random.get_state(legacy=False))),  # noqa: NPY002
        "torch": _torch_state(torch.default_generator),
    }
    if torch.cuda.is_initialized():
        found["cuda"] = short_digest(torch.cuda.get_rng_state().numpy().tobytes().hex())
    return found


def private_states(owner: Any, name: str = "dataset") -> dict[str, str]:
    """Return a digest of the state of each generator that an object holds, by the path of the attribute."""
    return dict(_private(owner, name, DEPTH, set()))


def _private(value: Any, name: str, depth: int, seen: set[int]) -> Iterator[tuple[str, str]]:
    if id(value) in seen or depth < 0:
        return
    seen.add(id(value))
    state = state_of(value)
    if state is not None:
        yield name, state
    elif isinstance(value, list | tuple) and len(value) <= 50:
        for index, one in enumerate(value):
            yield from _private(one, f"{name}[{index}]", depth - 1, seen)
    elif hasattr(value, "__dict__") and not isinstance(value, type | torch.Tensor | torch.nn.Parameter):
        for key, one in vars(value).items():
            yield from _private(one, f"{name}.{key}", depth - 1, seen)


def state_of(value: Any) -> str | None:
    """Return a digest of the state of a generator; None if the value is none."""
    if isinstance(value, torch.Generator):
        return _torch_state(value)
    if isinstance(value, np.random.Generator):
        return short_digest(_numpy_state(value.bit_generator.state))
    if isinstance(value, np.random.RandomState):
        return short_digest(_numpy_state(value.get_state(legacy=False)))
    if isinstance(value, random.Random):
        return short_digest(repr(value.getstate()))
    return None


def _torch_state(generator: torch.Generator) -> str:
    return short_digest(generator.get_state().numpy().tobytes().hex())


def _numpy_state(state: Any) -> str:
    """Return the state of a NumPy generator as text; arrays in full."""
    if isinstance(state, dict):
        return repr({key: _numpy_state(value) for key, value in state.items()})
    return repr(state.tolist()) if isinstance(state, np.ndarray) else repr(state)
