"""Record draws of random numbers: those of PyTorch by a dispatch mode, those of Python and NumPy by their functions."""

import random
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils._pytree import tree_leaves

from noisegrid.audit import places
from noisegrid.audit.log import BETWEEN, EVALUATION, FETCH, LAYER, ORDER
from noisegrid.audit.watch import Watch
from noisegrid.common.files import short_digest
from noisegrid.divergence.tracer import Observer, changed_in_place, draws

#: The seed of other values, where an audit asks whether a value matters.
OTHER = 987_654_321
PYTHON = (
    "random", "uniform", "randint", "randrange", "choice", "choices", "sample", "shuffle", "gauss", "normalvariate",
    "triangular", "betavariate", "expovariate", "gammavariate", "lognormvariate", "getrandbits",
)  # fmt: skip
NUMPY = (
    "rand", "randn", "randint", "random", "random_sample", "choice", "shuffle", "permutation", "uniform", "normal",
    "standard_normal", "beta", "binomial", "poisson", "exponential", "gamma", "dirichlet", "laplace",
)  # fmt: skip


class Draws(Observer):
    """Record each operator that draws random numbers, and each write into a tensor beside the weights."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch

    def __torch_dispatch__(self, function: Any, types: Sequence[type], args: Any = (), kwargs: Any = None) -> Any:
        """Run an operator, and record it if it draws."""
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        if draws(function, args, kwargs):
            return self._drawn(function, args, kwargs, result)
        if not self.watch.updating and self.watch.where in (BETWEEN, EVALUATION):
            self._averages(changed_in_place(function, args, kwargs))
        return result

    def _drawn(self, function: Any, args: Any, kwargs: dict[str, Any], result: Any) -> Any:
        watch, where = self.watch, self.watch.where
        given = [one for one in tree_leaves([args, kwargs]) if isinstance(one, torch.Generator)]
        tensors = [one for one in tree_leaves(result) if isinstance(one, Tensor)]
        generator = given[0] if given else _default_generator(tensors)
        place, caller = places.site()
        name = _named(watch, generator)
        if asks_for(watch, place, where):
            with _disable_current_modes():
                state = generator.get_state()
                generator.manual_seed(OTHER + watch.steps)
                result = function(*args, **kwargs)
                generator.set_state(state)
            tensors = [one for one in tree_leaves(result) if isinstance(one, Tensor)]
        values = watch.digest(tensors) if where in (LAYER, FETCH) else ""
        operation = function.overloadpacket.__name__
        watch.write(
            "draw", generator=name, operation=operation, where=where, place=place, caller=caller, step=watch.steps,
            values=values, loader=watch.loader,
        )  # fmt: skip
        return result

    def _averages(self, tensors: Sequence[Tensor]) -> None:
        """Note what was written into tensors that have the shape of a weight and are neither weight nor gradient."""
        weights = self.watch.weights
        if not tensors or not weights:
            return
        shapes = {one.shape for one in weights.values()}
        gradients = [one.grad for one in weights.values() if one.grad is not None and one.grad.layout == torch.strided]
        taken = set(weights) | {one.data_ptr() for one in gradients}  # sparse tensors have no place in memory
        strided = [one for one in tensors if one.layout == torch.strided]
        kept = [one for one in strided if one.shape in shapes and one.dim() and one.data_ptr() not in taken]
        self.watch.averages += self.watch.hashes(kept)


def _named(watch: Watch, generator: torch.Generator) -> str:
    """Return the name of a generator in the log: `torch`, `cuda`, or its number."""
    if generator is torch.default_generator:
        return "torch"
    is_default = generator.device.type == "cuda" and generator in torch.cuda.default_generators
    return "cuda" if is_default else f"torch generator {watch.number(generator)}"


def _default_generator(results: Sequence[Tensor]) -> torch.Generator:
    """Return the generator from which an operator with these results draws, if it is given none."""
    device = results[0].device if results else torch.device("cpu")
    if device.type == "cuda":
        return torch.cuda.default_generators[device.index or 0]
    return torch.default_generator


def asks_for(watch: Watch, place: str, where: str) -> bool:
    """Return whether draws at this place shall get other values."""
    names = {place, where, f"loader {watch.loader}"} if where in (ORDER, FETCH) else {place, where}
    return watch.trained and not names.isdisjoint(watch.request.other_values)


def watch_functions(watch: Watch) -> None:
    """Replace the drawing and seeding functions of Python, NumPy and PyTorch by ones that are recorded as well."""
    python = partial(_drawing, watch, "python", random.getstate, random.setstate, random.seed)
    numpy = partial(_drawing, watch, "numpy", np.random.get_state, np.random.set_state, np.random.seed)
    for name in PYTHON:
        _wrap(random, name, python)
    for name in NUMPY:
        _wrap(np.random, name, numpy)
    for owner, name, generator in (
        (random, "seed", "python"),
        (np.random, "seed", "numpy"),
        (torch, "manual_seed", "torch"),
        (torch.random, "manual_seed", "torch"),
        (torch, "seed", "torch"),
    ):
        _wrap(owner, name, partial(_seeding, watch, generator))
    _wrap(np.random, "default_rng", partial(_making, watch))


def _wrap(owner: Any, name: str, wrapper: Callable[[Any], Any]) -> None:
    if hasattr(owner, name):
        setattr(owner, name, wrapper(getattr(owner, name)))


def _drawing(
    watch: Watch, generator: str, get: Callable[[], Any], put: Callable[[Any], None], seed: Any, function: Any
) -> Any:
    @wraps(function)
    def recorded(*args: Any, **kwargs: Any) -> Any:
        where, (place, caller) = watch.where, places.site()
        result = function(*args, **kwargs)
        if asks_for(watch, place, where):
            state = get()
            seed((OTHER + watch.steps) % 2**32)
            result = function(*args, **kwargs)
            put(state)
        watch.write(
            "draw", generator=generator, operation=function.__name__, where=where, place=place, caller=caller,
            step=watch.steps, values=short_digest(repr(result)) if where == FETCH else "", loader=watch.loader,
        )  # fmt: skip
        return result

    return recorded


def _seeding(watch: Watch, generator: str, function: Any) -> Any:
    @wraps(function)
    def recorded(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if not places.in_library("torch"):
            value = str(args[0]) if args else str(next(iter(kwargs.values()), ""))
            watch.write("seed", generator=generator, value=value, where=watch.where, place=places.site()[0])
        return result

    return recorded


def _making(watch: Watch, function: Any) -> Any:
    @wraps(function)
    def recorded(*args: Any, **kwargs: Any) -> Any:
        place, caller = places.site()
        seeded = any(one is not None for one in (*args, *kwargs.values()))
        watch.write("generator", library="numpy", where=watch.where, place=place, caller=caller, seeded=seeded)
        return function(*args, **kwargs)

    return recorded
