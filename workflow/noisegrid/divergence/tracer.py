"""Record every operation of a training step: what it read, what it wrote, in which layer and in which part of the step.

The recorder is a dispatch mode, which sees each operator of ATen below autograd. It changes no result: it only reads,
and hashes are computed with integers on the device. Kernels that PyTorch does not dispatch (compiled code, Triton,
extensions) are not seen; what they write is seen when the next operator reads it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves

from noisegrid.divergence.request import MOST_OPERATIONS
from noisegrid.divergence.trace import Operation, Value
from noisegrid.runtime import failures
from noisegrid.training.bits import bits_of, integers, plain, tensor_hash
from noisegrid.training.places import Places

#: The number of values of an output that a trace keeps.
SAMPLE = 16
#: Operators whose output has no values yet. The tracer fills it with zeros, which changes no defined result.
UNFILLED = ("empty", "new_empty", "empty_like", "empty_strided", "new_empty_strided", "empty_permuted")
#: The namespaces of collectives, which return before they have finished.
COLLECTIVES = ("c10d", "_c10d_functional")


@dataclass(frozen=True)
class _Seen:
    """A tensor that was read or written; its hash and its sample are still on the device."""

    shape: tuple[int, ...]
    dtype: str
    hash: Tensor
    sample: Tensor | None


@dataclass(frozen=True)
class _Recorded:
    """An operation, before its hashes are fetched from the device."""

    name: str
    place: tuple[str, str]
    arguments: str
    inputs: list[_Seen]
    outputs: list[_Seen]
    random: bool


class Observer(TorchDispatchMode):
    """A dispatch mode that sees operators and leaves compiled code compiled."""

    @classmethod
    def is_infra_mode(cls) -> bool:
        """Leave compiled code compiled: under any other mode, PyTorch runs it operator by operator."""
        return True

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        """Leave compiled code compiled, as newer versions of PyTorch ask."""
        return True


class Tracer(Observer):
    """Record operations while it is active (`with tracer: ...`).

    Parameters
    ----------
    places : Places
        Hooks that know in which layer and part of the step an operator runs.
    most : int
        The number of operations that are kept.
    whole : int, optional
        The number of an operation whose inputs and outputs are kept whole, as `values`.
    """

    def __init__(self, places: Places, most: int = MOST_OPERATIONS, whole: int | None = None) -> None:
        super().__init__()
        self.places, self.most, self.whole = places, most, whole
        self.values: dict[str, Tensor] = {}
        self.recorded: list[_Recorded] = []
        self.left_out = 0

    def __torch_dispatch__(self, function: Any, types: Sequence[type], args: Any = (), kwargs: Any = None) -> Any:
        """Run an operator, and record it."""
        kwargs = kwargs or {}
        if not _computes(function):
            result = function(*args, **kwargs)
            if function.overloadpacket.__name__ in UNFILLED:
                with _disable_current_modes():
                    _tensors(result)[0].zero_()  # it has no values yet, and reading it must not look like a difference
            return result
        if len(self.recorded) >= self.most:
            self.left_out += 1
            return function(*args, **kwargs)
        part, module = self.places.now()
        read = _read(function, args, kwargs)
        inputs = self._hashed(read)
        words = _words(args, kwargs)
        chosen = len(self.recorded) == self.whole
        before = self._kept("input", read) if chosen else {}
        result = function(*args, **kwargs)
        written = list(
            {id(one): one for one in [*changed_in_place(function, args, kwargs), *_tensors(result)]}.values()
        )
        outputs = self._hashed(written, sample=True)
        if inputs is None or outputs is None:
            self.left_out += 1
        elif outputs:
            if chosen:
                self.values = before | self._kept("output", written)
            random = draws(function, args, kwargs)
            name = f"{function.overloadpacket.__name__}.{function._overloadname}"
            self.recorded.append(_Recorded(name, (module, part), words, inputs, outputs, random))
        return result

    def _hashed(self, tensors: Sequence[Tensor], sample: bool = False) -> "list[_Seen] | None":
        """Hash tensors. If memory runs out, return None, and keep no further operations: the run itself goes on."""
        try:
            with _disable_current_modes():  # another mode must not see the hashing
                return [_seen(one, sample) for one in tensors]
        except RuntimeError as error:
            if not failures.is_out_of_memory(error):
                raise
            self.most = len(self.recorded)
            return None

    def _kept(self, what: str, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
        """Return a copy of the bits of tensors; nothing if memory runs out."""
        try:
            with _disable_current_modes():
                return {f"{what} {number}": bits_of(one).clone() for number, one in enumerate(tensors)}
        except RuntimeError as error:
            if not failures.is_out_of_memory(error):
                raise
            return {}

    def operations(self) -> tuple[Operation, ...]:
        """Fetch the hashes from the device, and return the recorded operations."""
        seen = [one for each in self.recorded for one in (*each.inputs, *each.outputs)]
        hashes = iter(_fetched([one.hash for one in seen]))
        samples = iter([one.sample.tolist() if one.sample is not None else [] for one in seen])

        def values(these: list[_Seen]) -> tuple[Value, ...]:
            return tuple(Value(one.shape, one.dtype, hexadecimal(next(hashes)), tuple(next(samples))) for one in these)

        return tuple(
            Operation(each.name, *each.place, each.arguments, values(each.inputs), values(each.outputs), each.random)
            for each in self.recorded
        )


@contextmanager
def traced(places: Places, most: int = MOST_OPERATIONS, whole: int | None = None) -> Iterator[Tracer]:
    """Record the operations of a block, and remove the hooks of `places` after it."""
    tracer = Tracer(places, most, whole)
    try:
        with tracer:
            yield tracer
    finally:
        places.close()


def hexadecimal(number: int) -> str:
    """Return the 16 hexadecimal digits of a signed 64-bit integer."""
    return f"{number % (1 << 64):016x}"


def hashes_of(tensors: Sequence[Tensor]) -> list[str]:
    """Return the hash of each tensor in hexadecimal digits, with one transfer from the device."""
    return [hexadecimal(number) for number in _fetched([tensor_hash(tensor) for tensor in tensors])]


def _fetched(hashes: list[Tensor]) -> list[int]:
    """Return hashes as integers. Tensors on one device are fetched together."""
    by_device: dict[torch.device, list[int]] = {}
    for index, one in enumerate(hashes):
        by_device.setdefault(one.device, []).append(index)
    found = [0] * len(hashes)
    for indices in by_device.values():
        for index, number in zip(indices, torch.stack([hashes[i] for i in indices]).tolist(), strict=True):
            found[index] = number
    return found


def _computes(function: Any) -> bool:
    """Return whether an operator computes values that are there when it returns.

    One that returns a view, or memory without values, computes none. A collective writes later; what it wrote is seen
    when it is waited for, or by the next operation that reads it.
    """
    if function.overloadpacket.__name__ in UNFILLED:
        return False
    if function.namespace in COLLECTIVES and function.overloadpacket.__name__ != "wait_tensor":
        return False
    aliases = [one.alias_info for one in function._schema.returns]
    return not any(alias is not None and not alias.is_write for alias in aliases)


def draws(function: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    """Return whether an operator draws random numbers with these arguments.

    The tag is that of all operators that can draw. Attention, dropout and recurrent layers among them draw nothing
    without dropout or outside of training.
    """
    if torch.Tag.nondeterministic_seeded not in function.tags:
        return False
    known = function._schema.arguments
    given = {one.name: one.default_value for one in known if one.has_default_value()}
    given |= {one.name: value for one, value in zip(known, args, strict=False)} | kwargs
    rates = (given.get(name) for name in ("dropout_p", "dropout"))
    modes = (given.get(name) for name in ("training", "train"))
    return all(rate is None or rate != 0 for rate in rates) and all(mode is not False for mode in modes)


def changed_in_place(function: Any, args: Any, kwargs: dict[str, Any]) -> list[Tensor]:
    """Return the tensors among the arguments of an operator that it changes in place."""
    arguments = function._schema.arguments
    given = {one.name: value for one, value in zip(arguments, args, strict=False)} | kwargs
    names = [one.name for one in arguments if one.alias_info is not None and one.alias_info.is_write]
    return _tensors([given[name] for name in names if name in given])


def _read(function: Any, args: Any, kwargs: dict[str, Any]) -> list[Tensor]:
    """Return the tensors that an operator reads. What is there before in the memory of `out=` has no meaning."""
    out = [one.name for one in function._schema.arguments if one.is_out]
    return _tensors([args, {name: value for name, value in kwargs.items() if name not in out}])


def _tensors(values: Any) -> list[Tensor]:
    return [one for one in tree_leaves(values) if isinstance(one, Tensor)]


def _words(args: Any, kwargs: dict[str, Any]) -> str:
    """Return the arguments that are no tensors as text. A place on a device or in memory is no part of it."""
    plain = [one for one in tree_leaves([args, kwargs]) if isinstance(one, bool | int | float | str | torch.dtype)]
    return ", ".join(str(one) for one in plain)


def _seen(tensor: Tensor, sample: bool = False) -> _Seen:
    kept = sample_bits(tensor) if sample else None
    return _Seen(_shape(tensor), str(tensor.dtype).removeprefix("torch."), tensor_hash(tensor), kept)


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(plain(tensor).shape if tensor.is_nested else tensor.shape)


def sample_values(tensor: Tensor, count: int = SAMPLE) -> Tensor:
    """Return some values of a tensor, at the places of `sample_bits`."""
    return sample_bits(tensor, count).view(plain(tensor).dtype)


def sample_bits(tensor: Tensor, count: int = SAMPLE) -> Tensor:
    """Return the bits of some values, spread evenly over the tensor at places that depend on its shape alone."""
    bits = integers(tensor)
    index = _places(bits.numel(), count).to(bits.device)
    return bits.reshape(-1)[index] if bits.is_contiguous() else bits[torch.unravel_index(index, bits.shape)]


@cache
def _places(size: int, count: int) -> Tensor:
    return torch.arange(min(count, size)) * size // max(1, min(count, size))
