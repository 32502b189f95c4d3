"""What a run gave, as named entries with their bits, and how the entries of two runs differ.

This module imports no PyTorch. A tensor is read with PyTorch, which is then imported already.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from noisegrid.common import escape
from noisegrid.common.errors import NoisegridError
from noisegrid.common.text import aligned
from noisegrid.divergence.sentences import how_far
from noisegrid.divergence.trace import Value
from noisegrid.divergence.ulp import FLOATS, Distance, distance

#: Types that are compared by value.
PLAIN = (bool, int, str, type(None))
#: How many entries a table lists, and how many characters of a value a sentence shows.
ROWS, SHOWN = 12, 40


@dataclass(frozen=True)
class Bits:
    """A tensor, an array or a floating-point number.

    Attributes
    ----------
    value : Value
        The shape and the dtype.
    bits : integers (values,)
        The bits of its values in the order of its indices; a complex value has two.
    """

    value: Value
    bits: np.ndarray


#: An entry is compared by its bits, or by value if it is of a type of PLAIN.
Entry = Bits | bool | int | str | None


def entries(found: Any, where: str) -> dict[str, Entry]:
    """Return what a run gave as named entries; `where` begins the error message.

    Parameters
    ----------
    found : object
        A module, a state dict, a tensor, an array, a number or a text; or mappings and lists of them.
    where : str
        What it is.

    Raises
    ------
    NoisegridError
        If something in it is of a type that has no bits to compare.
    """
    return dict(_entries(found, "", where))


def _entries(found: Any, name: str, where: str) -> Iterator[tuple[str, Entry]]:
    if hasattr(found, "state_dict"):
        found = found.state_dict()
    start = f"{name}." if name else ""
    if isinstance(found, Mapping):
        for key, value in found.items():
            yield from _entries(value, f"{start}{key}", where)
    elif isinstance(found, list | tuple):
        for place, member in enumerate(found):
            yield from _entries(member, f"{start}{place}", where)
    elif isinstance(found, PLAIN):
        yield name, found
    elif (torch := sys.modules.get("torch")) is not None and isinstance(found, torch.Tensor):
        yield name, _of_tensor(found)
    elif torch is not None and isinstance(found, torch.dtype | torch.device):
        yield name, str(found)
    elif isinstance(found, float | complex) or hasattr(found, "__array__"):
        yield name, _of_array(np.asarray(found), name, where)
    else:
        at = f" at {name!r}" if name else ""
        raise NoisegridError(
            f"{where} has a value of type {type(found).__name__}{at}, whose bits cannot be compared; "
            "give modules, state dicts, tensors, arrays and numbers"
        )


def _of_tensor(tensor: Any) -> Bits:
    from noisegrid.training.bits import bits_of

    dtype = str(tensor.dtype).removeprefix("torch.")
    shape = tuple(tensor.shape) if not tensor.is_nested else ()
    return Bits(Value(shape, dtype, ""), bits_of(tensor).cpu().numpy().copy())


def _of_array(array: np.ndarray, name: str, where: str) -> Bits:
    dtype, size = str(array.dtype), array.dtype.itemsize
    flat = np.ascontiguousarray(array).reshape(-1)
    if array.dtype.kind == "c":
        flat, size = flat.view(flat.real.dtype), size // 2
    if (array.dtype.kind not in "biufc" and dtype not in FLOATS) or size not in (1, 2, 4, 8):
        raise NoisegridError(
            f"{where} has an array of {dtype} at {name!r}, whose bits cannot be compared; leave it out"
        )
    return Bits(Value(array.shape, dtype, ""), flat.view(f"int{8 * size}").copy())


@dataclass(frozen=True)
class Difference:
    """An entry that differs.

    Attributes
    ----------
    name : str
        The name of the entry.
    words : str
        How it differs, as in "1 ULP in 2 of 3 values".
    differing : str
        How many values differ, as in "2 of 3"; empty if this cannot be said.
    distance : Distance or None
        How far floating-point values of one shape and dtype are apart.
    """

    name: str
    words: str
    differing: str = ""
    distance: Distance | None = None


def differences(a: Mapping[str, Entry], b: Mapping[str, Entry]) -> list[Difference]:
    """Return the entries that differ in at least one bit, in the order of `a`."""
    found = []
    for name in {**a, **b}:
        if name not in a or name not in b:
            found.append(Difference(name, f"only {'A' if name in a else 'B'} has it"))
        elif (one := _difference(name, a[name], b[name])) is not None:
            found.append(one)
    return found


def _difference(name: str, a: Entry, b: Entry) -> Difference | None:
    if not isinstance(a, Bits) or not isinstance(b, Bits):
        if type(a) is type(b) and a == b:
            return None
        return Difference(name, f"{_shown(a)} against {_shown(b)}")
    for key in ("shape", "dtype"):
        left, right = (getattr(one.value, key) for one in (a, b))
        if left != right:
            return Difference(name, f"{key} {left} against {right}")
    other = int((a.bits != b.bits).sum())
    if not other:
        return None
    apart = distance(a.bits, b.bits, a.value, b.value) if a.value.dtype in FLOATS else None
    count = f"{other:,} of {len(a.bits):,}"
    words = how_far([apart]).removeprefix("; ") or f"other bits in {count} values"
    return Difference(name, words, count, apart)


def _shown(entry: Entry) -> str:
    if isinstance(entry, Bits):
        return "an array"
    text = repr(entry)
    return escape.terminal(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


def sentence(found: list[Difference], count: int) -> str:
    """Return in one sentence how many of `count` entries differ, and how the first one does."""
    first = found[0]
    if count == 1:
        return f"{_named(first)}: {first.words}"
    verb = "differs" if len(found) == 1 else "differ"
    return f"{len(found):,} of {count:,} entries {verb}, first {_named(first)}: {first.words}"


def _named(one: Difference) -> str:
    return f"`{escape.terminal(one.name)}`" if one.name else "the result"


def table(found: list[Difference]) -> str:
    """Return a table of the first entries that differ; an empty text if there is one alone."""
    if len(found) < 2:
        return ""
    rows = [("entry", "values", "largest ULP", "relative")]
    for one in found[:ROWS]:
        apart = one.distance
        largest = f"{apart.ulp[1]:,}" if apart and apart.ulp else ""
        relative = f"{apart.relative:.1g}" if apart else ""
        rows.append((escape.terminal(one.name), one.differing or one.words, largest, relative))
    more = len(found) - ROWS
    return "\n".join([*aligned(rows), *([f"and {more} more"] if more > 0 else [])])
