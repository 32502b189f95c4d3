"""CSV and TSV files, and plain numbers: what is read, and what is refused with one sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisegrid.reading import formats
from noisegrid.reading.csv_tables import parse
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.sides import read_side
from noisegrid.reading.table import UNNAMED, Choice


def read(tmp_path, content, name="base.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (table,) = formats.read(path, Choice())
    return {title: cells.tolist() for title, cells in table.columns.items()}


TABLE = {"seed": [1, 2], "accuracy": [0.5, 0.25]}


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("seed,accuracy\n1,0.5\n2,0.25\n", "base.csv"),
        ("seed, accuracy\r\n1, 0.5\r\n\r\n2, 0.25", "base.CSV"),
        ('"seed";"accuracy"\n1;0.5\n2;0.25\n', "base.csv"),
        ("seed\taccuracy\n1\t0.5\n2\t0.25\n", "base.csv"),
        ("seed\taccuracy\n1\t0.5\n2\t0.25\n", "base.tsv"),
        (b"\xef\xbb\xbfseed,accuracy\n1,0.5\n2,0.25\n", "base.csv"),
        # the index that pandas writes, and an empty column of a spreadsheet
        (",seed,accuracy,\n0,1,0.5,\n1,2,0.25,\n", "base.csv"),
        ("seed,accuracy,seed\n1,0.5,1\n2,0.25,2\n", "base.csv"),
    ],
)
def test_tables(tmp_path, content, name):
    assert read(tmp_path, content, name) == TABLE


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("0.5\n0.25\n", "base.txt"),
        ("0.5\n0.25\n", "base.csv"),
        ('"0.5"\n"0.25"\n', "base.csv"),
        ("0.5 0.25\n", "base.txt"),
        ("0.5, 0.25\n", "base.txt"),
        ("0.5;0.25;", "base.txt"),
        ("0.5 ; 0.25", "base.txt"),
        ("0.5 , 0.25", "base.txt"),
        ("0.5,0.25", "base.txt"),
        ("5e-1,25e-2", "base.txt"),
    ],
)
def test_plain_numbers(tmp_path, content, name):
    assert read(tmp_path, content, name) == {UNNAMED: [0.5, 0.25]}


def test_a_zero_among_integers_is_a_number(tmp_path):
    assert read(tmp_path, "0\n3\n2\n") == {UNNAMED: [0, 3, 2]}
    assert read(tmp_path, "0.0\n0.5\n") == {UNNAMED: [0, 0.5]}


def test_a_cell_may_have_commas_and_ends_of_lines(tmp_path):
    found = read(tmp_path, 'prompt,accuracy\n"one, two\nthree",0.5\nfour,0.25\n')
    assert found["prompt"] == ["one, two\nthree", "four"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "base.csv is empty"),
        (" \n\n", "base.csv is empty"),
        ("seed,accuracy\n", "names of columns and no rows"),
        ("seed,accuracy\n1,0.5\n2\n", "line 3 of .*base.csv has 1 instead of 2 cells"),
        ("seed,accuracy\n1,93,1\n2,92,4\n", "line 2 of .*base.csv has 3 instead of 2 cells; .*decimal comma"),
        ('seed,accuracy\n1,"0.5\n2,0.25\n', "line 3 of .*base.csv is damaged"),
        ("93,1\n92,4\n", "has numbers and no names of columns.*decimal point"),
        ("93,1;93,4;92,9\n", "value 1 of .*base.csv: '93,1' has a decimal comma"),
        ("93,1; 93,4; 92,9\n", "value 1 of .*base.csv: '93,1' has a decimal comma"),
        ("93,1 93,4\n", "value 1 of .*base.csv: '93,1' has a decimal comma"),
        ("93,1,93,4\n", "commas of .*base.csv may separate numbers, or be decimal commas; write numbers separated by"),
        ("1,234.5\n", "commas of .*base.csv may separate numbers"),
        ("93.5,93,4\n", "commas of .*base.csv may separate numbers"),
        ("1,234,567\n", "commas of .*base.csv may separate numbers"),
        ("93,1", "commas of .*base.csv may separate numbers"),
        ("0.5;;0.25\n", "has numbers and no names"),
        ("0\n0.5\n0.25\n", "first number of .*base.csv is 0, which looks like the header that pandas writes"),
        ("1 0.5\n2 0.25\n", "'1 0.5' is no number"),
        ("accuracy,accuracy\n0.5,0.6\n", "two columns 'accuracy' that differ"),
        (b"PAR1\x00\x01\xff\xfe", "is damaged or no text file"),
        (b"seed,accuracy\n1,0.5\n\x00\x00", "is damaged or no text file: byte 20 is zero"),
        ("seed,accuracy\n1,0.5\n".encode("utf-16"), "is UTF-16; save it as UTF-8"),
        ("caf\xe9,accuracy\n1,0.5\n".encode("latin-1"), "byte 3 is not UTF-8"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, message):
    (tmp_path / "base.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CannotJudge, match=message) as caught:
        read_side([str(tmp_path / "base.csv")], Choice())
    assert "\n" not in str(caught.value)


def test_too_many_cells_are_refused(monkeypatch):
    monkeypatch.setattr("noisegrid.reading.csv_tables.CELLS", 5)
    parse("a,b\n1,2\n3,4", "base.csv")
    with pytest.raises(CannotJudge, match=r"base.csv has 7 cells \(limit: 5\)"):
        parse("a,b\n1,2\n3,4\n5,6", "base.csv")


@given(st.binary())
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "any.csv"
    path.write_bytes(content)
    try:
        runs = read_side([str(path)], Choice())
    except CannotJudge as refusal:
        assert str(refusal).isprintable()
    else:
        assert len(runs)


@given(st.text(alphabet="01.,;\t \"'\n%aN-", max_size=60))
def test_any_text_of_cells_is_read_or_refused(text):
    try:
        table = parse(f"a,b\n{text}", "any.csv")
    except CannotJudge as refusal:
        assert str(refusal).isprintable()
    else:
        assert {len(cells) for cells in table.columns.values()} == {len(table)}
