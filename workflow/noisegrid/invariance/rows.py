"""Every operation of an evaluation, as it was for one example: the row of this example in what was read and written.

In batches of another size, tensors have other shapes, so whole tensors cannot be compared. The axis of the examples is
found by evaluating two and three examples: it is the axis whose length grows from two parts to three. A tensor without
such an axis, such as a weight, is compared as a whole. One with several, such as all similarities between examples, is
not compared.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat
from typing import Any

from torch import Tensor, nn

from noisegrid.divergence.compare import aligned
from noisegrid.divergence.trace import Operation, Value
from noisegrid.divergence.tracer import Tracer, traced
from noisegrid.training.places import Places

#: In place of an axis: the tensor is compared as a whole; it is not compared.
WHOLE, UNCOMPARED = -1, -2
#: The axis of the examples for an operation that two or three examples do not run.
FIRST = 0


@dataclass(frozen=True)
class Axes:
    """The axis of the examples in each tensor that an operation reads and writes."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class RowTracer(Tracer):
    """Record what every operation read and wrote of one example.

    Parameters
    ----------
    places : Places
        Hooks that know in which layer an operator runs.
    axes : sequence of Axes
        The axes of each operation, in the order in which they run.
    place, count : int
        The place of the example in the batch, and the number of examples in it.
    """

    def __init__(self, places: Places, axes: Sequence[Axes], place: int, count: int) -> None:
        super().__init__(places)
        self.axes, self.place, self.count = axes, place, count

    def _hashed(self, tensors: Sequence[Tensor], sample: bool = False) -> Any:
        number = len(self.recorded)
        known = self.axes[number] if number < len(self.axes) else Axes((), ())
        axes = chain(known.outputs if sample else known.inputs, repeat(UNCOMPARED))
        return super()._hashed([self._row(*pair) for pair in zip(tensors, axes, strict=False)], sample)

    def _row(self, tensor: Tensor, axis: int) -> Tensor:
        if axis == WHOLE:
            return tensor
        if axis == UNCOMPARED:
            return tensor.new_empty(0)
        return tensor.movedim(axis, 0).unflatten(0, (self.count, -1))[self.place]


def example_operations(
    evaluate: Callable[[Tensor], Tensor], network: nn.Module, batch: Tensor, place: int
) -> tuple[Operation, ...]:
    """Evaluate a batch, and return each operation as it was for the example at `place`.

    Parameters
    ----------
    evaluate : callable
        A function that maps a batch to its outputs, the same way every time.
    network : nn.Module
        The network that it calls.
    batch : Tensor
        The inputs.
    place : int
        The place of the example in the batch.
    """
    two, three, whole = (_operations(evaluate, network, inputs) for inputs in (_of(batch, 2), _of(batch, 3), batch))
    axes = axes_of(two, three, whole, len(batch))
    places = Places(network)
    try:
        with RowTracer(places, axes, place, len(batch)) as tracer:
            evaluate(batch)
    finally:
        places.close()
    # arguments may name the number of examples
    return tuple(replace(operation, arguments="") for operation in tracer.operations())


def _of(batch: Tensor, count: int) -> Tensor:
    """Return `count` examples of a batch, repeated if it has fewer."""
    return batch[[number % len(batch) for number in range(count)]]


def _operations(evaluate: Callable[[Tensor], Tensor], network: nn.Module, batch: Tensor) -> tuple[Operation, ...]:
    with traced(Places(network)) as tracer:
        evaluate(batch)
    return tracer.operations()


def axes_of(two: Sequence[Operation], three: Sequence[Operation], whole: Sequence[Operation], count: int) -> list[Axes]:
    """Return the axes of each operation of `whole`, which ran on `count` examples, from runs on two and three."""
    partners = {id(one): other for one, other in aligned(two, three) if one is not None}
    known = {id(of): (one, partners.get(id(one))) for of, one in aligned(whole, two) if of is not None and one}
    nothing: tuple[Operation | None, Operation | None] = (None, None)
    return [_axes(one, *known.get(id(one), nothing), count) for one in whole]


def _axes(one: Operation, two: Operation | None, three: Operation | None, count: int) -> Axes:
    def each(values: str) -> tuple[int, ...]:
        mine = getattr(one, values)
        if two is None or three is None or not len(mine) == len(getattr(two, values)) == len(getattr(three, values)):
            return tuple(FIRST if _divides(value.shape, count) else WHOLE for value in mine)
        triples = zip(mine, getattr(two, values), getattr(three, values), strict=True)
        return tuple(_axis(*triple, count) for triple in triples)

    return Axes(each("inputs"), each("outputs"))


def _divides(shape: Sequence[int], count: int) -> bool:
    return bool(shape) and shape[FIRST] % count == 0


def _axis(one: Value, two: Value, three: Value, count: int) -> int:
    if not len(one.shape) == len(two.shape) == len(three.shape):
        return UNCOMPARED
    grows = [axis for axis, (a, b) in enumerate(zip(two.shape, three.shape, strict=True)) if a != b]
    if not grows:
        return WHOLE if one.shape == two.shape else UNCOMPARED
    axis, *more = grows
    per_example = two.shape[axis] // 2
    fits = two.shape[axis] == 2 * per_example and three.shape[axis] == 3 * per_example
    return axis if fits and not more and one.shape[axis] == count * per_example else UNCOMPARED
