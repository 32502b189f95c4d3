"""A crate that was compressed with xz: it is unpacked within limits, and what is damaged is named."""

import lzma
import tracemalloc
from pathlib import Path

import pytest

from noisegrid.common.errors import NoisegridError
from noisegrid.crate import compressed
from noisegrid.crate.compressed import uncompressed

CONTENT = b"PK\3\4 and more" * 1000


def packed(folder: Path, data: bytes) -> Path:
    path = folder / "a.crate.zip.xz"
    path.write_bytes(data)
    return path


def test_it_is_unpacked_into_the_folder(tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    found = uncompressed(packed(tmp_path, lzma.compress(CONTENT)), place)
    assert found == place / "crate.zip" and found.read_bytes() == CONTENT


def test_a_zip_and_a_missing_file_are_left_as_they_are(tmp_path):
    for name in ("a.crate.zip", "missing.xz"):
        assert uncompressed(tmp_path / name, tmp_path) == tmp_path / name


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[:-9], "it is truncated"),
        (lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:], "Corrupt input data"),
        (lambda data: data + b"\0\0\0\0", "bytes follow its end"),
        (lambda data: data + data, "bytes follow its end"),
        (lambda data: CONTENT, "format not supported"),
        (lambda data: b"", "it is truncated"),
    ],
)
def test_what_is_damaged_is_named(tmp_path, damage, words):
    path = packed(tmp_path, damage(lzma.compress(CONTENT)))
    with pytest.raises(NoisegridError, match=rf"a\.crate\.zip\.xz is not an intact \.xz file .*{words}"):
        uncompressed(path, tmp_path)


def test_a_bomb_stops_at_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(compressed, "XZ_BYTES", 3_000_000)
    path = packed(tmp_path, lzma.compress(bytes(30_000_000), preset=1))
    assert path.stat().st_size < 10_000
    tracemalloc.start()
    with pytest.raises(NoisegridError, match="holds more than 3,000,000 bytes; if you trust it, unpack it with"):
        uncompressed(path, tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    assert (tmp_path / "crate.zip").stat().st_size <= 3_000_000


def test_a_dictionary_that_fills_the_memory_is_refused(tmp_path):
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 1 << 28}]
    path = packed(tmp_path, lzma.compress(CONTENT, filters=filters))
    with pytest.raises(NoisegridError, match="takes more than 100,000,000 bytes of memory"):
        uncompressed(path, tmp_path)
