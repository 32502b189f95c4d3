"""Crates that were compressed as a whole with xz. Nothing inside of a crate is compressed; text and code shrink a lot.

Because a small file can hold an enormous one, no more is unpacked than `limits` allow, in space and in memory.
"""

import lzma
from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.crate.limits import XZ_BYTES, XZ_MEMORY

SUFFIX = ".xz"
BLOCK = 1 << 20


def uncompressed(path: Path, place: Path) -> Path:
    """Return the path of a zip: the given file, or what a .xz holds, which is written into a folder.

    Parameters
    ----------
    path : Path
        A crate, or a crate that was compressed with xz.
    place : Path
        The folder to write into.

    Raises
    ------
    NoisegridError
        If the .xz is damaged, holds more than `limits` allow, or cannot be written.
    """
    if path.suffix != SUFFIX or not path.is_file():
        return path
    target = place / "crate.zip"
    try:
        _unpack(path, target)
    except (lzma.LZMAError, EOFError) as error:
        if "emory usage limit" in str(error):
            raise NoisegridError(
                f"{path} was not unpacked, because that takes more than {XZ_MEMORY:,} bytes of memory; if you trust "
                "it, unpack it with `xz --decompress`, and give the .crate.zip"
            ) from error
        raise NoisegridError(f"{path} is not an intact .xz file ({error}); copy it again") from error
    except OSError as error:  # this machine is the cause, e.g. its disk is full
        raise NoisegridError(f"cannot unpack {path}: {error.strerror or error}") from error
    return target


def _unpack(path: Path, target: Path) -> None:
    stream, written = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY), 0
    with path.open("rb") as source, target.open("wb") as file:
        while not stream.eof:
            block = source.read(BLOCK) if stream.needs_input else b""
            if stream.needs_input and not block:
                raise EOFError("it is truncated")
            data = stream.decompress(block, max_length=BLOCK)
            written += len(data)
            if written > XZ_BYTES:
                raise NoisegridError(
                    f"{path} was not unpacked, because it holds more than {XZ_BYTES:,} bytes; if you trust it, unpack "
                    "it with `xz --decompress`, and give the .crate.zip"
                )
            file.write(data)
        if stream.unused_data or source.read(1):
            raise lzma.LZMAError("bytes follow its end")
