"""How the difference between two runs grows from step to step, in each module. This module imports no PyTorch."""

from collections.abc import Sequence

import numpy as np

from noisegrid.divergence.trace import State

#: The largest number of modules. If there are more, modules with the same first parts of their names are merged.
MOST_MODULES = 12


def growth(a: Sequence[State], b: Sequence[State]) -> dict[str, np.ndarray]:
    """Return the relative difference of the weights before each step, by module.

    It is the norm of the difference divided by the norm of side A, over the sampled values of the module's weights.

    Parameters
    ----------
    a, b : sequence of State
        The states of both sides, before each step and after the last one.

    Returns
    -------
    dict
        For each module, in the order of the network, an array of shape (states,).
    """
    names = [name for name in a[0].samples if name in b[0].samples]
    steps = min(len(a), len(b))
    found = {}
    for module, members in _modules(names).items():
        sides = [_vectors(states[:steps], members) for states in (a, b)]
        norms = np.linalg.norm(sides[0], axis=1)
        apart = np.linalg.norm(sides[0] - sides[1], axis=1)
        found[module] = np.divide(apart, norms, out=np.zeros(steps), where=norms > 0)
    return found


def _vectors(states: Sequence[State], names: Sequence[str]) -> np.ndarray:
    """Return the sampled values of some weights as an array of shape (states, values)."""
    return np.array([[value for name in names for value in state.samples[name]] for state in states])


def _modules(names: Sequence[str]) -> dict[str, list[str]]:
    """Group the names of weights by module: by as many parts of the name as give at most MOST_MODULES groups."""
    depth = max((name.count(".") for name in names), default=0)
    while depth > 1 and len(_grouped(names, depth)) > MOST_MODULES:
        depth -= 1
    return _grouped(names, max(depth, 1))


def _grouped(names: Sequence[str], depth: int) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        module = ".".join(name.split(".")[:-1][:depth]) or name
        groups.setdefault(module, []).append(name)
    return groups
