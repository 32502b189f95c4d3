"""The King James Bible from a small file of the package's format, and from the real one where it is installed."""

import hashlib
import struct
from functools import partial
from pathlib import Path

import pytest

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import catalog
from noisegrid.readers import king_james, published
from noisegrid.readers.texts import encoded_text

TEXT = "In the beginning God created the heaven and the earth.\n" * 40
WINDOW = 200


def compressed(text: str) -> bytes:
    """The body of a file of `compress` in which each code is a character: 9 bits each, the lowest first.

    Codes have 9 bits until the table has 512 entries, that is for 256 characters.
    """
    assert len(text) <= 256
    bits = sum(ord(character) << (9 * place) for place, character in enumerate(text))
    return bits.to_bytes((9 * len(text) + 7) // 8, "little")


def write_bible(folder: Path, monkeypatch, text: str = TEXT) -> Path:
    """A file as Debian packages it, whose checksum the catalog has."""
    windows = [compressed(text[start : start + WINDOW]) for start in range(0, len(text), WINDOW)]
    first = 92 + 4 * len(windows) + 3  # after the head of the first window
    starts = [first + sum(map(len, windows[:index])) for index in range(len(windows))]
    header = b"EC02Compressed Data File".ljust(84, b"\0") + struct.pack(">2I", WINDOW, len(windows))
    path = folder / "bible.data"
    path.write_bytes(header + struct.pack(f">{len(starts)}I", *starts) + b"\x1f\x9d\x90" + b"".join(windows))
    trust(path, monkeypatch)
    return path


def trust(path: Path, monkeypatch) -> None:
    """Let the catalog have the checksum of a file."""
    checksum = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    monkeypatch.setattr(published, "catalog", lambda _: {"king_james": {"checksums": {path.name: checksum}}})


def test_windows_are_unpacked_and_joined(tmp_path, monkeypatch):
    assert len(TEXT) == 2200 and len(TEXT) % WINDOW == 0
    for text in (TEXT, TEXT[:-30]):  # the last window may be shorter
        assert king_james.unpacked(write_bible(tmp_path, monkeypatch, text)) == text


def test_the_text_is_encoded(tmp_path, monkeypatch):
    """2,200 characters, of which 2,090 are for training; a test part of 100 instead of 32,768."""
    write_bible(tmp_path, monkeypatch)
    monkeypatch.setattr(king_james, "encoded_text", partial(encoded_text, test_characters=100))
    text = king_james.king_james_text(tmp_path)
    assert "".join(text.vocabulary) == "".join(sorted(set(TEXT)))
    assert "".join(text.vocabulary[code] for code in text.test_inputs) == TEXT[-100:]
    data = king_james.king_james(tmp_path, tmp_path)
    assert len(data.train_inputs) == 2_090 and data.train_labels is None and data.vocabulary == text.vocabulary


def test_a_file_that_is_not_the_published_one_is_refused(tmp_path, monkeypatch):
    path = write_bible(tmp_path, monkeypatch)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(NoisegridError, match=r"bible\.data is not the published file: its SHA-256 differs"):
        king_james.king_james_text(tmp_path)
    for damaged, message in (
        (b"EC03" + whole[4:], "is not the text of the package bible-kjv-text"),
        (whole[:50], "is not the text of the package bible-kjv-text"),
        (whole.replace(b"\x1f\x9d\x90", b"\x1f\x9d\x9f"), r"cannot be unpacked \(gzip: .*\); install the package"),
    ):
        path.write_bytes(damaged)
        trust(path, monkeypatch)
        with pytest.raises(NoisegridError, match=rf"bible\.data {message}"):
            king_james.king_james_text(tmp_path)


def test_without_the_package_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(king_james, "INSTALLED", tmp_path)
    with pytest.raises(NoisegridError, match=r"install Debian's package bible-kjv-text, or name the folder"):
        king_james.king_james_text(None)
    with pytest.raises(NoisegridError, match=r"there is no file .*bible\.data; correct dataset_folders\.king_james"):
        king_james.king_james_text(tmp_path)


def test_without_gzip_the_remedy_is_named(tmp_path, monkeypatch):
    path = write_bible(tmp_path, monkeypatch)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoisegridError, match=r"gzip cannot run \(.*\); install it"):
        king_james.unpacked(path)


@pytest.mark.skipif(not (king_james.INSTALLED / king_james.FILE).is_file(), reason="bible-kjv-text is not installed")
def test_the_real_text():
    """The sums are those of the text that Debian's program `bible` was packaged with."""
    whole = king_james.unpacked(king_james.INSTALLED / king_james.FILE)
    lines = whole.splitlines()
    assert len(whole) == 4_404_475 and len(lines) == 1 + 31_102  # a title, and the verses of the Bible
    assert lines[1] == "Ge1:1 In the beginning God created the heaven and the earth."
    assert lines[-1].startswith("Rev22:21 The grace of our Lord Jesus Christ")
    text, entry = king_james.king_james_text(None), catalog("datasets")["king_james"]
    assert (len(text.vocabulary), len(text.train_inputs)) == (entry["classes"], entry["examples"])
    assert "".join(text.vocabulary[code] for code in text.test_inputs) == whole[-32_768:]
