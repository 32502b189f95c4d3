"""Two fingerprints: what differs, in which words, and what cannot be compared."""

from dataclasses import replace

import pytest

from noisegrid.common.errors import NoisegridError
from noisegrid.fingerprint import printing
from noisegrid.fingerprint.compare import compare
from noisegrid.fingerprint.table import Bits, Conditions, Fingerprint

HERE = Conditions({"torch": "2.12.1"}, {"mkl": "AVX2"})


def machine(name: str = "A", **changed: str) -> Fingerprint:
    """Return the fingerprint of a machine with four operators; `changed` has other values by name and direction."""
    shapes = [("exp", "7"), ("dense layer", "2x3 3"), ("dense layer", "4x3 3"), ("sum", "7")]
    bits = [
        Bits(operator, direction, shape, changed.get(f"{operator.split()[0]}_{direction}", "0" * 16))
        for operator, shape in shapes
        for direction in ("inputs", "forward", "backward")
    ]
    return Fingerprint({"processor": name, "noisegrid": "0.3.0"}, HERE, tuple(bits))


def test_equal_bits_on_another_processor_are_equal():
    found = compare(machine("B"), machine("A"), "a.csv")
    assert found.exit_code == 0
    assert printing.differences(found) == ["processor: A -> B", "all 4 operators have the same bits"]


def test_what_differs_is_counted_by_operator_and_named():
    found = compare(machine("B", dense_forward="1" * 16, dense_backward="2" * 16, exp_backward="3" * 16), machine(), "")
    assert found.exit_code == 3
    assert str(found) == "3 of 4 operators differ: exp, dense layer (2 shapes)"
    assert printing.differences(found) == [
        "operator     shapes  direction  there     here",
        "exp          7       backward   00000000  33333333",
        "dense layer  2x3 3   forward    00000000  11111111",
        "dense layer  2x3 3   backward   00000000  22222222",
        "dense layer  4x3 3   forward    00000000  11111111",
        "dense layer  4x3 3   backward   00000000  22222222",
        "processor: A -> B",
        "3 of 4 operators differ: exp, dense layer (2 shapes)",
    ]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            {"conditions": Conditions({"torch": "2.7.1"}, HERE.switch)},
            "its torch is 2.7.1, and here it is 2.12.1; install the same versions",
        ),
        ({"conditions": Conditions({}, HERE.switch)}, "its torch is not set, and here it is 2.12.1"),
        (
            {"conditions": Conditions(HERE.version, {"mkl": ""})},
            "its mkl is not set, and here it is AVX2; choose the same --hardware",
        ),
        ({"conditions": Conditions(HERE.version, HERE.switch | {"x": "1"})}, "its x is 1, and here it is not set"),
        ({"bits": machine().bits[:-1]}, "noisegrid 0.3.0 wrote it for other operators; use the same release"),
        ({"bits": machine(sum_inputs="1" * 16).bits}, "the inputs of sum differ, although they are integers"),
    ],
)
def test_what_cannot_be_compared_is_refused(other, message):
    with pytest.raises(NoisegridError, match=r"other\.csv cannot be compared") as error:
        compare(machine(), replace(machine(), **other), "other.csv")
    assert message in str(error.value)


def test_text_of_another_machine_does_not_move_the_cursor():
    found = compare(machine(), machine("\x1b[8mhidden"), "")
    assert not any("\x1b" in line for line in printing.differences(found))


def test_the_table_has_one_line_for_each_operator():
    lines = printing.table(machine(exp_forward="1" * 16))
    assert lines[0].split() == ["operator", "shapes", "forward", "backward"]
    assert lines[1].split() == ["exp", "7", "11111111", "00000000"]
    assert len(lines) == 5
