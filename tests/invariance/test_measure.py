"""What a condition changes is counted right, in units in the last place and by example."""

import numpy as np

from noisegrid.invariance.conditions import Condition
from noisegrid.invariance.measure import Logits, changed, measured

CONDITION = Condition("batch size", "3", 3, {})


def logits(values: list[list[float]]) -> Logits:
    return Logits(np.array(values, np.float32).view(np.int32), "float32")


def test_examples_classes_and_distances_are_those_of_the_arrays():
    above = float(np.nextafter(np.float32(3), np.float32(4)))
    reference = logits([[1, 2], [3, 4], [0.0, 5], [6, 7]])
    other = logits([[1, 2], [above, 4], [-0.0, 5], [8, 7]])
    found = measured(CONDITION, reference, other, None)
    assert found.logits.tolist() == [False, True, False, True]
    assert found.classes.tolist() == [False, False, False, True]
    assert found.ulp == 4 * 2**20  # from 6 to 8: half of the 2**23 floats from 4 to 8
    assert np.isclose(found.relative, 2 / np.sqrt(1 + 4 + 9 + 16 + 25 + 36 + 49))
    assert not found.in_tail


def test_a_change_in_the_last_batch_alone_is_said():
    reference, other = logits([[1, 2]] * 4), logits([[1, 2]] * 3 + [[1, 3]])
    assert measured(CONDITION, reference, other, None).in_tail
    assert not measured(CONDITION, reference, reference, None).in_tail
    assert not measured(Condition("batch size", "2", 2, {}), reference, other, None).in_tail


def test_other_dtypes_are_compared_as_float32():
    """1 and 1.5 are values of bfloat16, whose bits are the upper half of those of float32; 1 + 2**-23 is none."""
    half = Logits(np.array([[0x3F80, 0x3FC0]] * 2, np.int16), "bfloat16")
    reference = logits([[1, 1.5], [1 + 2**-23, 1.5]])
    found = measured(CONDITION, reference, half, None)
    assert (found.dtype, found.ulp) == ("float32", 1)
    assert found.logits.tolist() == [False, True]


def test_outputs_with_a_sequence_count_an_example_once():
    reference = Logits(np.zeros((2, 3, 4), np.float32).view(np.int32), "float32")
    values = np.zeros((2, 3, 4), np.float32)
    values[1, :2, 3] = 1
    other = Logits(values.view(np.int32), "float32")
    assert changed(reference, other).tolist() == [False, True]
    assert measured(CONDITION, reference, other, None).classes.tolist() == [False, True]
