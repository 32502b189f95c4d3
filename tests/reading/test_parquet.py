"""Parquet files, written by pyarrow."""

import sys

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from noisegrid.reading import formats
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.sides import read_side
from noisegrid.reading.table import Choice

COLUMNS = {
    "accuracy": pa.array([0.5, None, float("nan")], pa.float32()),
    "seed": pa.array([1, 2, None], pa.int64()),
    "done": [True, None, False],
    "method": ["sam", None, "sgd"],
    "sort": pa.array(["a", "b", "a"]).dictionary_encode(),
    "when": pa.array([0, 1, 2], pa.timestamp("s")),
    "exact": pa.array(["0.25", "0.5", "1.0"]).cast(pa.decimal128(4, 2)),
    "config": [{"lr": 0.1, "inner": {"depth": 2}}] * 3,
    "logits": [[0.1, 0.2]] * 3,
}


def write(path, columns=COLUMNS, **options):
    parquet.write_table(pa.table(columns), path, **options)
    return str(path)


def test_columns_of_every_type(tmp_path):
    write(tmp_path / "base.parquet")
    (table,) = formats.read(tmp_path / "base.parquet", Choice())
    found = {name: cells.tolist() for name, cells in table.columns.items()}
    assert np.isnan(found["accuracy"].pop()) and found["accuracy"] == [0.5, None]  # a NaN is not a missing value
    del found["accuracy"]
    assert found.pop("when")[0].startswith("1970-01-01")
    assert found == {
        "seed": [1, 2, None],
        "done": [True, None, False],
        "method": ["sam", "", "sgd"],
        "sort": ["a", "b", "a"],
        "exact": [0.25, 0.5, 1.0],
        "config.lr": [0.1] * 3,
        "config.inner.depth": [2] * 3,
    }


def test_several_row_groups_and_a_column_of_several_chunks(tmp_path):
    names = [f"method {number % 3}" for number in range(1000)]
    path = write(tmp_path / "base.parquet", {"method": names, "loss": np.arange(1000.0)}, row_group_size=64)
    runs = read_side([path], Choice(where=(("method", "method 1"),)))
    assert runs.values.tolist() == list(range(1, 1000, 3))


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "base.parquet"
    write(path)
    content = path.read_bytes()
    for damaged in (content[:-20], content[:3], b"seed,loss\n1,2\n", content[:50] + b"\xff" * 40 + content[90:]):
        path.write_bytes(damaged)
        with pytest.raises(CannotJudge, match=r"base\.parquet is damaged or no Parquet file"):
            read_side([str(path)], Choice("accuracy"))


def test_a_table_without_rows_is_refused(tmp_path):
    path = write(tmp_path / "base.parquet", {"loss": pa.array([], pa.float64())})
    with pytest.raises(CannotJudge, match=r"base\.parquet has no rows"):
        read_side([path], Choice())


def test_a_small_file_of_many_cells_is_refused(tmp_path, monkeypatch):
    """A million rows of the same text take some kilobytes."""
    path = write(tmp_path / "base.parquet", {"text": pa.repeat("x" * 100, 1_000_000)})
    assert (tmp_path / "base.parquet").stat().st_size < 20_000
    monkeypatch.setattr("noisegrid.reading.parquet.CELLS", 999_999)
    with pytest.raises(CannotJudge, match=r"1,000,000 cells \(limit: 999,999\)"):
        read_side([path], Choice())


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    path = write(tmp_path / "base.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CannotJudge) as caught:
        read_side([path], Choice())
    assert str(caught.value) == (
        "reading Parquet needs the package pyarrow; install it with: pip install 'noisegrid[parquet]'"
    )
