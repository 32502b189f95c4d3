"""Find where two traces first differ, and which operation is the cause.

A cause is the first operation whose inputs agree and whose output differs. What differs after it is a consequence. This
module imports no PyTorch.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import takewhile

from noisegrid.divergence.trace import INDEX, Operation, State, Trace, Value
from noisegrid.divergence.ulp import Distance, sampled

#: The parts of a state in the order in which they are judged: an earlier one can be the reason for a later one.
PARTS = ("settings", "weights", "buffers", "optimiser", "batch")
#: The generators of random numbers. They matter only if an operation draws from them.
RANDOM = "random"
#: The kind of a cause that PyTorch does not dispatch.
INSIDE = "inside or before"
Pair = tuple[Operation | None, Operation | None]


@dataclass(frozen=True)
class StateDifference:
    """The first step from whose start on two runs differ, and in what.

    Attributes
    ----------
    step : int
        The step; for the state after the last one, the number of steps.
    part : str
        One of PARTS.
    members : tuple of str
        The names of the members that differ, such as those of weights.
    kind : {"", "order", "examples", "labels", "inputs", "shape"}
        For the batch: the same examples in another order; other examples; the same examples with other labels or with
        other inputs; another number of examples.
    """

    step: int
    part: str
    members: tuple[str, ...]
    kind: str = ""


@dataclass(frozen=True)
class Cause:
    """The first operation of a step at which two runs differ.

    Attributes
    ----------
    kind : {"output", "random", "shapes", "arguments", "inside or before", "only one side"}
        Equal inputs gave another output; a draw of random numbers gave another output; inputs have other shapes; the
        arguments that are no tensors differ; an input differs that no visible operation wrote; only one side runs this
        operation.
    a, b : Operation or None
        The operation on either side; None if this side does not run it.
    places : tuple of int or None
        Its place among the operations of A and of B, from 0; None for a side that does not run it.
    distances : tuple of Distance
        For each output (each input if the kind is "inside or before"), how far the two sides are apart. A trace has
        some values of each output, and none of the inputs.
    consequences : int
        How many later operations differ.
    """

    kind: str
    a: Operation | None
    b: Operation | None
    places: tuple[int | None, int | None]
    distances: tuple[Distance | None, ...] = ()
    consequences: int = 0

    @property
    def operation(self) -> Operation:
        """The operation, as the side that runs it has it."""
        found = self.a or self.b
        assert found is not None
        return found


@dataclass(frozen=True)
class Comparison:
    """What two traces have in common, and where they first differ.

    Attributes
    ----------
    steps : int
        The number of steps that were compared.
    state : StateDifference or None
        The first state that differs, if one does.
    cause : Cause or None
        The first operation of the traced step that differs, if the states before that step are equal.
    operations : int
        The number of operations of the traced step that were compared.
    traced : int
        The step whose operations were compared.
    differing : tuple of Pair
        The operations that differ: the cause and its consequences.
    """

    steps: int
    state: StateDifference | None
    cause: Cause | None
    operations: int
    traced: int
    differing: tuple[Pair, ...] = field(default=(), repr=False)

    @property
    def diverged(self) -> bool:
        """Whether anything differs."""
        return self.state is not None or self.cause is not None


def compare(a: Trace, b: Trace) -> Comparison:
    """Return where two traces first differ."""
    steps = min(len(a.states), len(b.states)) - 1
    state = next(state_differences(a.states, b.states), None)
    before = state is not None and state.step <= a.step
    if before or a.step != b.step:
        return Comparison(steps, state, None, 0, a.step)
    pairs = aligned(a.operations, b.operations)
    cause, differing = first_cause(pairs, changed=state is not None and state.step == a.step + 1)
    return Comparison(steps, state, cause, len(pairs), a.step, differing)


def state_differences(a: Sequence[State], b: Sequence[State]) -> Iterator[StateDifference]:
    """Yield what differs at the start of each step, the earliest step first.

    The state after the last step has no batch, so that of the longer trace is not compared with it.
    """
    last = min(len(a), len(b)) - 1
    for step, (one, other) in enumerate(zip(a, b, strict=False)):
        for part in PARTS:
            if part == "batch" and step == last:
                continue
            left, right = one.parts.get(part, {}), other.parts.get(part, {})
            if members := tuple(name for name in {**left, **right} if left.get(name) != right.get(name)):
                kind = _kind_of_batch(a, b, step, members) if part == "batch" else ""
                yield StateDifference(step, part, members, kind)


def _kind_of_batch(a: Sequence[State], b: Sequence[State], step: int, members: tuple[str, ...]) -> str:
    """Return in what way the batches of a step differ (see StateDifference)."""
    left, right = a[step].examples, b[step].examples
    if len(left) != len(right):
        return "shape"
    if left == right:  # by index, or because the inputs have equal bits
        return "inputs" if all("label" not in name for name in members) else "labels"
    everywhere = [sorted(example for state in states for example in state.examples) for states in (a, b)]
    if left[0].startswith(INDEX) or sorted(left) == sorted(right) or everywhere[0] == everywhere[1]:
        return "order"
    return "inputs" if all("label" not in name for name in members) else "examples"


def aligned(a: Sequence[Operation], b: Sequence[Operation]) -> list[Pair]:
    """Pair the operations of two steps. An operation that only one side runs has no partner."""
    keys = [[(one.name, one.module, one.part) for one in side] for side in (a, b)]
    if keys[0] == keys[1]:
        return list(zip(a, b, strict=True))
    pairs: list[Pair] = []
    matcher = SequenceMatcher(None, keys[0], keys[1], autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            pairs += zip(a[i1:i2], b[j1:j2], strict=True)
        else:
            pairs += [(one, None) for one in a[i1:i2]] + [(None, one) for one in b[j1:j2]]
    return pairs


def first_cause(pairs: Sequence[Pair], changed: bool = False) -> tuple[Cause | None, tuple[Pair, ...]]:
    """Return the cause, and the pairs that differ: the cause and its consequences.

    An operation that only one side runs may change nothing. It is the cause only if something else differs: an
    operation of both sides, what the last operations of the sides computed, or what followed from the operations.

    Parameters
    ----------
    pairs : sequence of Pair
        The operations of both sides.
    changed : bool
        Whether what followed from the operations differs: the next state, or the outputs of a network.
    """
    differing = [(index, pair) for index, pair in enumerate(pairs) if kind_of(pair)]
    if all(None in pair for _, pair in differing) and not (changed or _other_ends(pairs)):
        differing = []
    if not differing:
        return None, ()
    index, (a, b) = differing[0]
    kind = kind_of((a, b))
    distances = apart(a, b) if a and b and kind != INSIDE else ()
    before = pairs[:index]
    places = (_count(one for one, _ in before) if a else None, _count(other for _, other in before) if b else None)
    cause = Cause(kind, a, b, places, distances, len(differing) - 1)
    return cause, tuple(pair for _, pair in differing)


def _other_ends(pairs: Sequence[Pair]) -> bool:
    """Return whether each side ends with operations of its own, of which the last ones computed other values."""
    tail = list(takewhile(lambda pair: None in pair, reversed(pairs)))
    last = [next((pair[side] for pair in tail if pair[side] is not None), None) for side in (0, 1)]
    return last[0] is not None and last[1] is not None and bits(last[0].outputs) != bits(last[1].outputs)


def apart(a: Operation, b: Operation) -> tuple[Distance | None, ...]:
    """Return how far the sampled values of each output are apart."""
    return tuple(sampled(x, y) for x, y in zip(a.outputs, b.outputs, strict=False))


def _count(operations: Iterable[Operation | None]) -> int:
    return sum(one is not None for one in operations)


def kind_of(pair: Pair) -> str:
    """Return in what way an operation differs between the sides (see Cause), or an empty string if it does not."""
    a, b = pair
    if a is None or b is None:
        return "only one side"
    if [one.shape for one in a.inputs] != [one.shape for one in b.inputs]:
        return "shapes"
    if a.arguments != b.arguments:
        return "arguments"
    if bits(a.inputs) != bits(b.inputs):
        return INSIDE
    if bits(a.outputs) != bits(b.outputs):
        return "random" if a.random else "output"
    return ""


def bits(values: Sequence[Value]) -> list[tuple[object, ...]]:
    """Return what two tensors must have in common to be equal to the bit."""
    return [(one.shape, one.dtype, one.hash) for one in values]
