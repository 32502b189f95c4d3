"""Differences in units in the last place: hand-computed values, and NumPy's nextafter as an independent truth."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from noisegrid.divergence.trace import Value
from noisegrid.divergence.ulp import between, ordered, sampled


def bits_of(values, dtype):
    tensor = torch.tensor(values, dtype=getattr(torch, dtype))
    integers = {2: torch.int16, 4: torch.int32, 8: torch.int64}[tensor.element_size()]
    return np.array(tensor.view(integers).tolist(), np.int64)


@pytest.mark.parametrize(
    ("dtype", "epsilon"), [("float16", 2**-10), ("bfloat16", 2**-7), ("float32", 2**-23), ("float64", 2**-52)]
)
def test_one_and_its_successors(dtype, epsilon):
    a, b = bits_of([1.0, 1.0, 2.0], dtype), bits_of([1.0, 1.0 + epsilon, 2.0 + 6 * epsilon], dtype)
    found = between(a, b, dtype)
    assert (found.compared, found.differing, found.ulp) == (3, 2, (1, 3))
    assert found.relative == pytest.approx(epsilon * 37**0.5 / 6**0.5)


def test_the_order_runs_through_zero():
    smallest = 2.0**-149
    found = between(bits_of([-smallest, 0.0], "float32"), bits_of([smallest, -0.0], "float32"), "float32")
    assert (found.differing, found.ulp) == (1, (2, 2))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(0, 50))
def test_steps_of_nextafter_are_counted(value, steps):
    moved = np.float32(value)
    for _ in range(steps if abs(value) < 1e38 else 0):
        moved = np.nextafter(moved, np.float32(np.inf))
    if abs(value) < 1e38:
        a, b = (ordered(bits_of([float(one)], "float32"), 32)[0] for one in (value, moved))
        assert b - a == steps


def test_equal_tensors_differ_nowhere():
    same = bits_of([1.0, 2.0], "float32")
    found = between(same, same, "float32")
    assert (found.differing, found.ulp, found.relative) == (0, None, 0.0)


def test_values_that_are_not_finite_are_counted_apart():
    a, b = ([1.0, float("nan"), 2.0, float("inf")], [1.0, float("nan"), 2.0 + 2**-22, 3.0])
    found = between(bits_of(a, "float32"), bits_of(b, "float32"), "float32")
    assert (found.differing, found.ulp, found.not_finite) == (2, (1, 1), 1)
    assert found.relative == pytest.approx(2**-22 / 5**0.5)


def test_the_distance_of_the_largest_doubles_fits():
    largest = 1.7976931348623157e308
    found = between(bits_of([-largest], "float64"), bits_of([largest], "float64"), "float64")
    assert found.ulp == (2 * 0x7FEFFFFFFFFFFFFF,) * 2


def test_a_complex_number_has_two_values():
    a, b = (Value((2,), "complex64", "", tuple(bits_of([1.0, real, 2.0, 0.0], "float32"))) for real in (0.5, 1.0))
    found = sampled(a, b)
    assert (found.values, found.compared, found.differing, found.ulp) == (4, 4, 1, (2**23, 2**23))


def test_a_sample_says_how_many_values_there_are():
    a, b = (Value((10, 10), "float32", "", tuple(bits_of([1.0, two], "float32"))) for two in (2.0, 4.0))
    assert (sampled(a, b).values, sampled(a, b).compared) == (100, 2)
