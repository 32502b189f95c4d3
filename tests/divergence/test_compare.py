"""Known truth: a difference that was planted at operation k is named as the cause, for every k."""

import pytest
from planted import NETWORKS, step_of

from noisegrid.divergence.compare import compare


@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_that_is_repeated_has_no_cause(name):
    found = compare(step_of(name)[0], step_of(name)[0])
    assert (found.state, found.cause) == (None, None)
    assert found.operations > 30


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
        assert (cause.index, cause.operation.name) == (target, operation.name)
        assert cause.kind == ("random" if operation.random else "output")
        parts.add(cause.operation.part)
    assert parts == {"forward", "backward", "optimiser"}
