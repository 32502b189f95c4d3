"""Files that are written atomically, and why some of them cannot be written."""

import subprocess
import sys
from pathlib import Path

import pytest

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import write_text
from noisegrid.common.locks import one_writer


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (".", "cannot write .: it is a folder"),
        ("", "cannot write .: it is a folder"),
        ("/", "cannot write /: it is a folder"),
        ("here", "cannot write here: it is a folder"),
        ("b.csv/x.html", "cannot write b.csv/x.html: {here}/b.csv is not a folder"),
        ("b.csv/y/x.html", "cannot write b.csv/y/x.html: {here}/b.csv is not a folder"),
        ("/proc/nope/x", "cannot write /proc/nope/x: No such file or directory"),
        ("a" * 300, "cannot write aaa"),
    ],
)
def test_what_cannot_be_written_is_one_sentence(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    Path("here").mkdir()
    Path("b.csv").write_text("accuracy")
    with pytest.raises(NoisegridError) as caught:
        write_text(Path(name), "new")
    assert str(caught.value).startswith(message.format(here=tmp_path))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["b.csv", "here"]
    assert Path("b.csv").read_text() == "accuracy"


def test_an_error_of_the_writer_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "page.html"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\udcff")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_the_root_folder_has_no_lock():
    with pytest.raises(NoisegridError, match="cannot write /: it is a folder"), one_writer(Path("/")):
        pass


def test_text_is_utf_8_whatever_the_locale(tmp_path):
    path = tmp_path / "page.html"
    script = (
        "import sys; from pathlib import Path; from noisegrid.common.files import write_text; "
        "write_text(Path(sys.argv[1]), '± 0.3 → é')"
    )
    # without the UTF-8 mode and the coercion of the locale, Python writes ASCII in the locale C
    words = [sys.executable, "-X", "utf8=0", "-c", script.encode("unicode_escape").decode(), str(path)]
    environment = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": ":".join(sys.path)}
    subprocess.run(words, env=environment, check=True)
    assert path.read_text(encoding="utf-8") == "± 0.3 → é"
