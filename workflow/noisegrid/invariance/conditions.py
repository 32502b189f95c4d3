"""The conditions under which the same examples are evaluated, and the batches that each of them makes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np

from noisegrid.common.schemas import catalog
from noisegrid.runtime.devices import processor_features
from noisegrid.training.noise import CPU_REQUIREMENTS, CPU_VARIABLES, Flags

REFERENCE = "reference"
STORED, ROTATED, MIXED = "stored", "rotated", "mixed"
#: The precisions beside fp32, by autocast.
PRECISIONS = ("amp_bf16", "amp_fp16")


@dataclass(frozen=True)
class Condition:
    """One way to evaluate the examples.

    Attributes
    ----------
    kind : str
        What differs from the reference: batch size, position, neighbours, threads, instruction set or precision.
    value : str
        The value that differs, in words.
    batch_size : int
        The number of examples in a batch. The last batch may be smaller.
    flags : dict
        The switches of the process.
    arrangement : {"stored", "rotated", "mixed"}
        Examples in stored order; each batch rotated by one place; each example at its place in a batch of others.
    """

    kind: str
    value: str
    batch_size: int
    flags: Flags = field(hash=False)
    arrangement: str = STORED

    @property
    def words(self) -> str:
        """What differs from the reference, such as `batch size 1`."""
        return f"{self.kind} {self.value}".rstrip()

    def batches(self, count: int) -> list[np.ndarray]:
        """Return the indices of the examples of each batch, in the order in which they are in it."""
        stored = np.split(np.arange(count), range(self.batch_size, count, self.batch_size))
        if self.arrangement == ROTATED:
            return [np.roll(batch, 1) for batch in stored]
        if self.arrangement == MIXED:
            return _mixed(stored)
        return stored


def _mixed(stored: list[np.ndarray]) -> list[np.ndarray]:
    """Move the example at place p of each full batch to place p of the batch that comes p batches later.

    A batch that is not full stays as it is: it has another size than all others.
    """
    full = np.stack([batch for batch in stored if len(batch) == len(stored[0])])
    places = np.arange(full.shape[1])
    moved = [full[(number - places) % len(full), places] for number in range(len(full))]
    return moved + stored[len(full) :]


def conditions(sizes: Sequence[int], threads: Sequence[int], flags: Flags) -> list[Condition]:
    """Return the reference, then every condition that differs from it in one respect.

    Parameters
    ----------
    sizes : sequence of int
        The batch sizes. The reference has the largest.
    threads : sequence of int
        The numbers of threads. The reference has the first.
    flags : dict
        The other switches of the reference.
    """
    reference = Condition(REFERENCE, "", max(sizes), flags | {"threads": threads[0]})
    return [reference, *_others(reference, sizes, threads)]


def _others(reference: Condition, sizes: Sequence[int], threads: Sequence[int]) -> Iterator[Condition]:
    for size in sorted(set(sizes) - {reference.batch_size}):
        yield replace(reference, kind="batch size", value=str(size), batch_size=size)
    if reference.batch_size > 1:
        yield replace(reference, kind="position", value="rotated by one", arrangement=ROTATED)
        yield replace(reference, kind="neighbours", value="", arrangement=MIXED)
    for number in dict.fromkeys(threads[1:]):
        if number != threads[0]:
            yield _switched(reference, "threads", "threads", number, str(number))
    for library, value in _instruction_sets():
        if value != reference.flags[library]:
            yield _switched(reference, "instruction set", library, value, f"{library} {value}")
    for precision in ("fp32", *PRECISIONS):
        if precision != reference.flags["precision"]:
            yield _switched(reference, "precision", "precision", precision, precision)


def _switched(reference: Condition, kind: str, key: str, value: object, words: str) -> Condition:
    return replace(reference, kind=kind, value=words, flags=reference.flags | {key: value})


def _instruction_sets() -> Iterator[tuple[str, str]]:
    """Yield each library of a CPU with each instruction set of the hardware `cpu` that this processor has."""
    free, has = catalog("hardware")["cpu"]["kernels"]["free"], processor_features()
    named = chain.from_iterable(((library, value) for value in free[library]) for library in CPU_VARIABLES)
    return ((library, value) for library, value in named if has and CPU_REQUIREMENTS[value] <= has)
