"""The file of a fingerprint: what is written is read, and damage is named."""

import pytest

from noisegrid.common.errors import NoisegridError
from noisegrid.fingerprint import table
from noisegrid.fingerprint.table import Bits, Conditions, Fingerprint

FOUND = Fingerprint(
    machine={"processor": "=AMD, EPYC", "MKL's branch": "AUTO"},
    conditions=Conditions(version={"torch": "2.12.1"}, switch={"mkl": "AVX2", "aten": ""}),
    bits=(Bits("exp", "inputs", "7", "0" * 16), Bits("exp", "forward", "7", "12345e6789012345")),
)


@pytest.fixture
def path(tmp_path):
    table.write(tmp_path / "machine.csv", FOUND)
    return tmp_path / "machine.csv"


def test_what_is_written_is_read(path):
    again = table.read(path)
    assert (again.conditions, again.bits) == (FOUND.conditions, FOUND.bits)
    assert again.machine == {"processor": "'=AMD, EPYC", "MKL's branch": "AUTO"}  # no formula for a spreadsheet
    lines = path.read_text().splitlines()
    assert lines[:2] == ["kind,name,direction,shape,value", "format,,,,1"]
    assert lines[-2:-1] == ["operator,exp,forward,7,12345e6789012345"]
    assert lines[-1].startswith("digest,,,,")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace("12345e", "22345e"), "is truncated or edited; write it again"),
        (lambda text: text[:-30], "is truncated or edited"),
        (lambda text: "\n".join(text.splitlines()[:-1]) + "\n", "is truncated or edited"),
        (lambda text: "", "is no fingerprint; name a file that noisegrid fingerprint --output wrote"),
        (lambda text: "study,hardware\nquick,cpu\n", "is no fingerprint"),
        (lambda text: text.replace("format,,,,1", "format,,,,2"), "has version 2 of its format, but this release"),
        (lambda text: text.replace("format,,,,1", "format,,,,x"), "has version x of its format"),
    ],
)
def test_a_damaged_file_is_named(path, damage, message):
    path.write_text(damage(path.read_text()))
    with pytest.raises(NoisegridError, match=message) as error:
        table.read(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path):
    with pytest.raises(NoisegridError, match=r"cannot read .*none\.csv: No such file or directory; name a file"):
        table.read(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NoisegridError, match=r"cannot read .*binary\.csv: "):
        table.read(tmp_path / "binary.csv")
