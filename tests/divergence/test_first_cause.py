"""Known truth: a difference that was planted at operation k is named as the cause, for every k."""

import pytest
from planted import NETWORKS, step_of

from noisegrid.divergence.compare import compare
from noisegrid.divergence.sentences import sentence
from noisegrid.divergence.trace import Operation, State, Trace, Value


@pytest.mark.parametrize("name", NETWORKS)
def test_one_ulp_at_any_operation_is_named(name):
    clean = step_of(name)[0]
    parts = set()
    for target, operation in enumerate(clean.operations):
        other, planted = step_of(name, target)
        if not planted:  # an operation with integers alone
            continue
        cause = compare(clean, other).cause
        assert cause is not None, operation
        assert (cause.places, cause.operation.name) == ((target, target), operation.name)
        assert cause.kind == ("random" if operation.random else "output")
        parts.add(cause.operation.part)
    assert parts == {"forward", "backward", "optimiser"}


def operation(name, inputs=(1,), outputs=(2,), module="", part="forward", **more):
    def values(numbers):
        return tuple(Value((4,), "float32", f"{number:016x}", (number,)) for number in numbers)

    return Operation(name, module, part, more.pop("arguments", ""), values(inputs), values(outputs), **more)


def traced(*operations):
    return Trace({}, (State({}), State({})), 0, operations)


def test_everything_after_the_cause_is_a_consequence():
    a = [operation("a"), operation("b", (2,), (3,)), operation("c", (3,), (4,)), operation("d", (1,), (5,))]
    b = [operation("a"), operation("b", (2,), (9,)), operation("c", (9,), (8,)), operation("d", (1,), (5,))]
    cause = compare(traced(*a), traced(*b)).cause
    assert cause is not None
    assert (cause.kind, cause.places, cause.consequences) == ("output", (1, 1), 1)
    assert [one.ulp for one in cause.distances] == [(6, 6)]  # the bits 3 and 9


def test_an_operation_that_one_side_alone_runs_does_not_misalign_the_rest():
    a = [operation("a"), operation("b", (2,), (3,)), operation("c", (3,), (4,))]
    b = [operation("a"), operation("extra", (2,), (7,)), operation("b", (7,), (8,)), operation("c", (8,), (9,))]
    cause = compare(traced(*a), traced(*b)).cause
    assert cause is not None
    assert (cause.kind, cause.a, cause.operation.name, cause.places) == ("only one side", None, "extra", (None, 1))
    harmless = [a[0], operation("extra", (2,), (7,)), *a[1:]]
    assert compare(traced(*a), traced(*harmless)).cause is None


def test_what_no_visible_operation_wrote_is_inside_or_before_the_next_one():
    a = [operation("a"), operation("b", (5,), (3,))]
    b = [operation("a"), operation("b", (6,), (4,))]
    cause = compare(traced(*a), traced(*b)).cause
    assert cause is not None
    assert (cause.kind, cause.operation.name) == ("inside or before", "b")


def test_other_arguments_are_named_before_other_outputs():
    a, b = (operation("mul.Scalar", (1,), (out,), arguments=text) for out, text in ((2, "0.5"), (3, "0.25")))
    cause = compare(traced(a), traced(b)).cause
    assert cause is not None and cause.kind == "arguments"


def test_a_draw_is_told_from_an_operation():
    a, b = (operation("bernoulli_.float", (1,), (out,), random=True) for out in (2, 3))
    cause = compare(traced(a), traced(b)).cause
    assert cause is not None and cause.kind == "random"


def test_inputs_of_other_shapes_are_named():
    a, b = (
        Operation(
            "mm.default", "", "forward", "", (Value(shape, "float32", "0" * 16),), (Value(shape, "float32", "0" * 16),)
        )
        for shape in ((4, 2), (5, 2))
    )
    found = compare(traced(a), traced(b))
    assert found.cause is not None and found.cause.kind == "shapes"
    assert "`mm` has inputs of other shapes (4x2 against 5x2)" in sentence(found, traced(a), traced(b))


def test_operations_that_replace_each_other_at_the_end_are_the_cause():
    a = [operation("a"), operation("relu", (2,), (3,))]
    b = [operation("a"), operation("sigmoid", (2,), (4,))]
    cause = compare(traced(*a), traced(*b)).cause
    assert cause is not None and (cause.kind, cause.operation.name) == ("only one side", "relu")
    same = [b[0], operation("sigmoid", (2,), (3,))]  # another name for the same values
    assert compare(traced(*a), traced(*same)).cause is None


def test_an_operation_of_one_side_is_the_cause_if_the_next_state_differs():
    def followed(weight, *operations):
        after = State({"weights": {"w": weight}})
        return Trace({}, (State({"weights": {"w": "0"}}), after), 0, operations)

    a, clamp = [operation("a"), operation("b", (2,), (3,))], operation("clamp_", (3,), (5,))
    cause = compare(followed("1", *a, clamp), followed("2", *a)).cause
    assert cause is not None and cause.operation.name == "clamp_"
    assert compare(followed("1", *a, clamp), followed("1", *a)).cause is None


def test_a_longer_trace_of_the_same_run_does_not_diverge():
    def states(count):
        return (*(State({"batch": {"x": str(k)}}, ("e",)) for k in range(count)), State({}))

    short, long = Trace({}, states(2), 0, ()), Trace({}, states(4), 0, ())
    assert not compare(short, long).diverged and not compare(long, short).diverged
    other = Trace({}, (State({"batch": {"x": "9"}}, ("e",)), *states(4)[1:]), 0, ())
    assert compare(short, other).diverged
