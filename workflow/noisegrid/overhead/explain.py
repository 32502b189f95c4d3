"""Which operators of a network may vary on CUDA, found without a GPU.

One training step runs on tensors without values (PyTorch's device `meta`), so nothing is computed. Every operator that
it calls is compared with PyTorch's published list (workflow/catalog/nondeterministic.yaml).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from noisegrid.common.errors import NoisegridError, first_line
from noisegrid.common.schemas import WORKFLOW, catalog, check
from noisegrid.common.text import aligned
from noisegrid.overhead.bench import REMEDIES
from noisegrid.overhead.inputs import batch, built
from noisegrid.study.arms import UNITS, inputs_timed
from noisegrid.study.study import TimedNetwork
from noisegrid.training.losses import default_loss
from noisegrid.training.places import Places

#: The examples of the traced step. What an operator is does not depend on their number; batch norm needs two.
EXAMPLES = 2
#: An operator that the list leaves out, although nobody has shown that it does not vary.
MAX_POOL = "max_pool2d_with_indices_backward"
#: What strict mode does with an operator of the list, for readers.
STRICT = {
    "deterministic": "uses a deterministic kernel",
    "refused": "refuses",
    "cudnn": "cuDNN chooses a deterministic kernel",
}


@dataclass(frozen=True)
class Use:
    """An operator of the list in one direction.

    Attributes
    ----------
    operator : str
        The name in ATen.
    direction : {"forward", "backward", "optimiser"}
        The part of the step that calls it.
    modules : tuple of str
        The paths of the layers that call it, in the order of the first call.
    calls : int
        How often the step calls it.
    entry : dict
        The entry of the list.
    replaced : str
        What `noisegrid overhead` replaces these layers by (see REMEDIES); empty if it replaces not all of them.
    """

    operator: str
    direction: str
    modules: tuple[str, ...]
    calls: int
    entry: dict[str, Any]
    replaced: str = ""


@dataclass(frozen=True)
class Found:
    """What the trace of a training step found.

    Attributes
    ----------
    uses : list of Use
        The operators of the list, in the order of their first call.
    max_pools : int
        How often the step calls MAX_POOL.
    """

    uses: list[Use]
    max_pools: int = 0


class _Trace(TorchDispatchMode):
    """Count the operators of the list, by operator, direction and layer."""

    def __init__(self, network: nn.Module, places: Places) -> None:
        super().__init__()
        self.network, self.places = network, places
        self.max_pools = 0
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.entries: dict[str, dict[str, Any]] = {}

    def __torch_dispatch__(self, function: Any, types: Sequence[type], args: Any = (), kwargs: Any = None) -> Any:
        """Count an operator and run it."""
        if found := entry_of(function, args, kwargs or {}):
            name, entry = found
            direction, path = self.places.now()
            self.counts[name, entry.get("direction", direction), path] += 1
            self.entries[name] = entry
        self.max_pools += function.overloadpacket.__name__ == MAX_POOL
        return function(*args, **kwargs or {})

    def found(self) -> Found:
        """Return the operators that were counted."""
        modules: dict[tuple[str, str], list[str]] = {}
        for name, direction, path in self.counts:
            modules.setdefault((name, direction), []).append(path)
        uses = [
            Use(
                *(*key, tuple(paths), sum(self.counts[*key, path] for path in paths), self.entries[key[0]]),
                replaced=self._replaced(paths),
            )
            for key, paths in modules.items()
        ]
        return Found(uses, self.max_pools)

    def _replaced(self, paths: Sequence[str]) -> str:
        """Return the replacement of the layers at some paths, if all of them have one."""
        remedies = {REMEDIES.get(type(self.network.get_submodule(path)), (None, ""))[1] for path in paths}
        return ", ".join(sorted(remedies)) if all(remedies) else ""


def entry_of(function: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Return the name of an operator and its entry in the list, or None if it is not in the list."""
    base, overload = function.overloadpacket.__name__, function._overloadname
    base = base.rstrip("_") if base.rstrip("_") else base  # an operator that works in place has the same entry
    given = {argument.name: value for argument, value in zip(function._schema.arguments, args, strict=False)} | kwargs
    for entry in listed():
        if not {base, f"{base}.{overload}"}.isdisjoint(entry["aten"]) and all(_holds(entry, given)):
            return entry.get("shown", base), entry
    return None


@cache
def listed() -> list[dict[str, Any]]:
    """Return the entries of the list. Raise NoisegridError if the file does not fit its schema."""
    document = catalog("nondeterministic")
    check(document, "nondeterministic", f"{WORKFLOW / 'catalog' / 'nondeterministic.yaml'}")
    entries: list[dict[str, Any]] = document["operators"]
    return entries


def _holds(entry: dict[str, Any], given: dict[str, Any]) -> Iterator[bool]:
    """Yield, for each condition of an entry, whether it holds for the arguments of an operator."""
    tensors = [value for value in given.values() if isinstance(value, Tensor)]
    of_tensors: dict[str, Callable[[Tensor], bool]] = {
        "sparse": lambda tensor: tensor.layout != torch.strided,
        "floating": lambda tensor: tensor.is_floating_point() or tensor.is_complex(),
        "quantized": lambda tensor: tensor.is_quantized,
    }
    for name, wanted in entry.get("when", {}).items():
        if name in of_tensors:
            yield any(map(of_tensors[name], tensors))
        elif wanted == "given":
            yield given.get(name) is not None
        else:
            yield given.get(name, False) in wanted


def explain(network: TimedNetwork) -> Found:
    """Return the operators of a network's training step that PyTorch's list names.

    Raises
    ------
    NoisegridError
        If the network cannot be built or cannot run on tensors without values.
    """
    try:
        with torch.device("meta"):
            layers = built(network).train()
        return trace(layers, *(tensor.to("meta") for tensor in batch(network, EXAMPLES)))
    except NoisegridError:
        raise
    except Exception as error:
        raise NoisegridError(
            f"network {network.network} cannot be traced on tensors without values of {network.size} "
            f"{UNITS[inputs_timed(network)]}: {first_line(error)}"
        ) from error


def trace(network: nn.Module, inputs: Tensor, labels: Tensor) -> Found:
    """Run one training step of a network, and return the operators that PyTorch's list names."""
    network.to("meta")
    optimizer = torch.optim.Adam(network.parameters(), fused=False)  # a fused one refuses tensors without values
    watch = _Trace(network, Places(network, [optimizer]))
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)  # strict mode replaces some operators
    try:
        with watch:
            # training_step's autocast refuses the device `meta`; in fp32 it does nothing
            default_loss(network(inputs), labels).backward()
            optimizer.step()
    finally:
        torch.use_deterministic_algorithms(before)
    return watch.found()


def table(uses: Sequence[Use]) -> str:
    """Return a table of operators: layers, direction, number of calls, and what strict mode does."""
    lines = [("operator", "direction", "calls", "strict mode", "layers")]
    for use in uses:
        shown = [path or "(network)" for path in use.modules]
        more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
        strict = STRICT[use.entry["strict"]]
        lines.append((f"aten::{use.operator}", use.direction, str(use.calls), strict, ", ".join(shown[:3]) + more))
    return "\n".join(aligned(lines))


def sentence(name: str, found: Found) -> str:
    """Return the result for one network in one sentence."""
    return f"{name}: {_on_the_list(found.uses)}{_max_pooling(found.max_pools)}"


def _max_pooling(calls: int) -> str:
    """Return the limit of the result for a network with max-pooling."""
    text = f"the backward pass of max-pooling ({calls} call{'s' * (calls > 1)}) is not on the list and was not examined"
    return f"; {text}" if calls else ""


def _on_the_list(uses: Sequence[Use]) -> str:
    convolutions = sum(use.calls for use in uses if use.entry["strict"] == "cudnn")
    others = [use for use in uses if use.entry["strict"] != "cudnn"]
    refused = [use for use in others if use.entry["strict"] == "refused"]
    cudnn = f"cuDNN's convolutions ({convolutions} calls)" if convolutions else ""
    if not uses:
        return "no operator is on PyTorch's list"
    if not others:
        varies = f"nothing on PyTorch's list but {cudnn} may vary"
    else:
        names = dict.fromkeys(f"aten::{use.operator}" for use in others)
        varies = f"{' and '.join(filter(None, [cudnn, ', '.join(names)]))} may vary"
    if not refused:
        return f"{varies}; strict mode runs it"
    named = dict.fromkeys(f"aten::{use.operator} ({_remedy(use)})" for use in refused)
    return f"{varies}; strict mode refuses {', '.join(named)}"


def _remedy(use: Use) -> str:
    """Return what to do about an operator that strict mode refuses."""
    if not use.replaced:
        return f"instead, {use.entry['remedy']}" if "remedy" in use.entry else "no replacement is known"
    return f"`noisegrid overhead` replaces it by {use.replaced}; in your code, {use.entry['remedy']}"
