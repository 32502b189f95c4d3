"""Source archives: fetched from an index of files on this machine, and read without running or unpacking anything."""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from noisegrid.common.errors import NoisegridError
from noisegrid.readers import source_archives
from noisegrid.readers.source_archives import fetch, opened

SETUP = "import os, pathlib; pathlib.Path(os.environ['RAN']).touch()"


def write_archive(path: Path, files: dict[str, bytes | tarfile.TarInfo]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
            else:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """The folder of the package `a-package` on an index that pip is configured for."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "simple").as_uri())
    monkeypatch.setenv("RAN", str(tmp_path / "ran"))
    folder = tmp_path / "simple/a-package"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text('<a href="a-package-1.0.tar.gz">a</a> <a href="a-package-2.0.tar.gz">b</a>')
    write_archive(folder / "a-package-1.0.tar.gz", {"a-package-1.0/setup.py": SETUP.encode()})
    return folder


def test_an_archive_is_fetched_and_none_of_its_code_runs(index, tmp_path):
    fetch("a-package", tmp_path / "cache/a-package-1.0.tar.gz")
    assert (tmp_path / "cache/a-package-1.0.tar.gz").read_bytes() == (index / "a-package-1.0.tar.gz").read_bytes()
    assert not (tmp_path / "ran").exists()
    subprocess.run([sys.executable, "-c", SETUP], check=True)
    assert (tmp_path / "ran").exists()  # what would be there if it had run


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a-package-3.0.tar.gz", r"could not be fetched \(pip finds no a-package-3\.0\.tar\.gz .*\); download it by"),
        ("a-package-2.0.tar.gz", r"could not be fetched \(pip [0-9.]+: HTTPError: .*\)"),  # listed, but not there
    ],
)
def test_an_archive_that_cannot_be_fetched_is_one_sentence(index, tmp_path, name, message):
    with pytest.raises(NoisegridError, match=message):
        fetch("a-package", tmp_path / "cache" / name)
    assert list((tmp_path / "cache").iterdir()) == []


def test_one_file_of_an_archive_is_read(tmp_path):
    path = write_archive(tmp_path / "a.tar.gz", {"x/a.csv": b"1\n2\n", "x/b.csv": b"3\n"})
    with opened(path, "x/a.csv") as file:
        assert file.read() == b"1\n2\n"
    assert list(tmp_path.iterdir()) == [path]  # nothing was unpacked


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_what_is_no_plain_file_is_refused(tmp_path, kind):
    """Python's tarfile would follow a link to another file of the archive."""
    path = write_archive(tmp_path / "a.tar.gz", {"b.csv": b"1\n", "a.csv": member("a.csv", kind, "b.csv")})
    with (
        pytest.raises(NoisegridError, match=r"a\.tar\.gz: a\.csv is not a plain file; get the version"),
        opened(path, "a.csv"),
    ):
        pass


def test_other_names_and_large_files_are_refused(tmp_path, monkeypatch):
    path = write_archive(tmp_path / "a.tar.gz", {"a.csv": b"12345"})
    with pytest.raises(NoisegridError, match=r"has no file b\.csv"), opened(path, "b.csv"):
        pass
    monkeypatch.setattr(source_archives, "LARGEST", 5)
    with opened(path, "a.csv"):
        pass
    monkeypatch.setattr(source_archives, "LARGEST", 4)
    with pytest.raises(NoisegridError, match=r"a\.csv has 5 bytes, more than 4"), opened(path, "a.csv"):
        pass


def test_a_damaged_archive_is_named(tmp_path):
    path = write_archive(tmp_path / "a.tar.gz", {"a.csv": bytes(range(256)) * 4000})
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"no archive", b"", whole[:500] + b"\xff" * 50):
        path.write_bytes(damaged)
        with pytest.raises(NoisegridError, match=r"cannot be read \(.*\); get it again"), opened(path, "a.csv") as file:
            file.read()
