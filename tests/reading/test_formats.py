"""Which files a side has: named files, files in folders, and what is refused before it is read."""

import os
from pathlib import Path

import pytest

from noisegrid.reading import formats
from noisegrid.reading.paths import expand
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.sides import read_side
from noisegrid.reading.table import Choice

CSV = "seed,accuracy\n1,0.5\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with files of known and unknown formats, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("b.csv", "a.npy", "a.npy.sha256", "notes.md", "sub/c.jsonl", "sub/deep/d.parquet", ".git/e.csv"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(CSV)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "found"),
    [
        *(("a.csv", "CSV"), ("a.TSV", "CSV"), ("a.txt", "CSV"), ("a.json", "JSON"), ("a.jsonl", "JSON")),
        *(("a.ndjson", "JSON"), ("a.parquet", "Parquet"), ("a.npy", "NumPy"), ("a.npz", "NumPy")),
    ],
)
def test_formats_are_found_by_name(name, found):
    assert formats.find(Path(name)).name == found


def test_an_unknown_format_is_refused():
    with pytest.raises(
        CannotJudge, match=r"a\.pt has no format that noisegrid reads \(.*CSV, JSON, Parquet, NumPy\); conv"
    ):
        formats.find(Path("a.pt"))


def test_a_folder_stands_for_its_files(folder):
    assert list(map(str, expand(["."]))) == ["a.npy", "b.csv", "sub/c.jsonl", "sub/deep/d.parquet"]
    assert list(map(str, expand(["sub", "b.csv"]))) == ["sub/c.jsonl", "sub/deep/d.parquet", "b.csv"]


def test_a_folder_whose_name_ends_like_a_file(folder):
    Path("x.csv").mkdir()
    Path("x.csv/1.csv").write_text(CSV)
    assert list(map(str, expand(["x.csv"]))) == ["x.csv/1.csv"]


def test_links_are_followed_once(folder):
    Path("sub/up").symlink_to("..")
    Path("latest.csv").symlink_to("b.csv")
    Path("again").symlink_to("sub")
    found = [path.resolve() for path in expand(["."])]
    assert len(found) == len(set(found)) == 4


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["a.csv"], "there is no file a.csv in the folder {here}; did you mean 'b.csv'?"),
        (["sub/c.json"], "there is no file c.json in the folder {here}/sub; did you mean 'c.jsonl'?"),
        (["none/a.csv"], "none/a.csv does not exist, and neither does the folder none"),
        (["empty"], "empty has no file of a format that noisegrid reads"),
        (["empty/a.csv"], "empty/a.csv does not exist; the folder {here}/empty is empty"),
        (["b.csv", "./b.csv"], "b.csv and b.csv are the same file; name it once"),
        (["sub", "sub/c.jsonl"], "sub/c.jsonl and sub/c.jsonl are the same file; name it once"),
        (["notes.md"], "notes.md has no format that noisegrid reads"),
        (["pipe.csv"], "pipe.csv is not a regular file"),
        (["broken"], "cannot read broken/link.csv: No such file or directory"),
        (["x" * 5000], "cannot read xxx"),
        (["a\x1b[2J.csv"], "there is no file a"),
        (["b.csv", "-", "-"], "- is the standard input, which can be given once"),
    ],
)
def test_paths_that_cannot_be_read_are_refused(folder, paths, message):
    Path("empty").mkdir()
    Path("broken").mkdir()
    Path("broken/link.csv").symlink_to("nowhere")
    os.mkfifo("pipe.csv")
    with pytest.raises(CannotJudge) as caught:
        read_side(paths, Choice())
    assert str(caught.value).startswith(message.format(here=Path.cwd())) and str(caught.value).isprintable()


def test_a_missing_file_is_sought_in_the_folder_in_which_the_command_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CannotJudge) as caught:
        expand(["a.csv"])
    assert str(caught.value) == f"a.csv does not exist; the folder {tmp_path} is empty"
    Path("zzz").touch()
    with pytest.raises(CannotJudge) as caught:
        expand(["a.csv"])
    assert str(caught.value) == f"there is no file a.csv in the folder {tmp_path}; it contains: zzz"


@pytest.mark.parametrize("name", ["base.csv", "base.jsonl", "base.npy", "base.npz", "base.parquet"])
def test_a_huge_file_is_refused_unread(tmp_path, name):
    with (tmp_path / name).open("wb") as file:
        file.truncate(5_000_000_000)
    with pytest.raises(CannotJudge, match=r"has 5,000,000,000 bytes \(limit: .*; keep only what is to be compared"):
        read_side([str(tmp_path / name)], Choice())


def test_a_large_folder_is_refused(folder, monkeypatch):
    monkeypatch.setattr("noisegrid.reading.paths.FILES", 3)
    with pytest.raises(CannotJudge, match=r"\. has 4 files \(limit: 3\)"):
        expand(["."])
    monkeypatch.setattr("noisegrid.reading.paths.ENTRIES", 5)
    with pytest.raises(CannotJudge, match=r"\. has 6 entries \(limit: 5\)"):
        expand(["."])


def test_every_extra_is_one_of_the_package():
    import tomllib

    from conftest import ROOT

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {form.extra for form in formats.FORMATS} - {""} <= set(extras)
