"""The King James Bible, from Debian's package bible-kjv-text.

The package has the text in one file of its own format: a header, and windows of 64 KiB, each packed as the program
`compress` does. The offset of each window, which the header has, is that of the bytes after the head of such a file;
only the first window is stored with its head. `gzip` unpacks the windows.
"""

import struct
import subprocess
from itertools import pairwise
from pathlib import Path

from noisegrid.common.errors import NoisegridError, why
from noisegrid.readers import Raw
from noisegrid.readers.published import check_published
from noisegrid.readers.texts import TRAIN_SHARE, Text, encoded_text

#: The folder into which Debian's package installs its file.
INSTALLED = Path("/usr/lib")
FILE = "bible.data"
#: The first verse after the book of Exodus.
END_OF_EXODUS = "Lev1:1 "
#: How the file begins, and where its header has the size of a window, the number of windows and their offsets.
MAGIC, SIZES, OFFSETS = b"EC02Compressed Data File", 84, 92


def king_james(folder: Path | None, cache: Path) -> Raw:
    """Read the King James Bible, 4.4 million characters; one verse a line, with book, chapter and number."""
    text = king_james_text(folder)
    return Raw(text.train_inputs, None, text.test_inputs, None, vocabulary=text.vocabulary)


def genesis_exodus(folder: Path | None, cache: Path) -> Raw:
    """Read the first two books, 388,085 characters, for studies that two CPU cores can afford."""
    text = king_james_text(folder, END_OF_EXODUS, 0.9)
    return Raw(text.train_inputs, None, text.test_inputs, None, vocabulary=text.vocabulary)


def king_james_text(folder: Path | None, before: str | None = None, train_share: float = TRAIN_SHARE) -> Text:
    """Return the encoded text of the file in a folder, or of the installed package if there is no folder.

    Parameters
    ----------
    folder : Path or None
        The folder.
    before : str, optional
        Where the text ends; by default, at its end. The title line is left out if it ends earlier.
    train_share : float
        The share of the text that is for training.
    """
    path = (folder or INSTALLED) / FILE
    if folder is None and not path.is_file():
        raise NoisegridError(
            f"there is no {path}; install Debian's package bible-kjv-text, or name the folder of its {FILE} in "
            "dataset_folders.king_james"
        )
    check_published("king_james", path)
    text = unpacked(path)
    if before is not None:
        text = text[text.index("\n") + 1 : text.index(before)]
    return encoded_text(text, str(path), train_share)


def unpacked(path: Path) -> str:
    """Return the text of the file of bible-kjv-text."""
    data = path.read_bytes()
    if not data.startswith(MAGIC) or len(data) < OFFSETS:
        raise NoisegridError(f"{path} is not the text of the package bible-kjv-text; install it again")
    _, count = struct.unpack_from(">2I", data, SIZES)
    starts = [*struct.unpack_from(f">{count}I", data, OFFSETS), len(data)]
    head = data[starts[0] - 3 : starts[0]]
    windows = [data[start:end] for start, end in pairwise(starts)]
    return b"".join(_decompressed(head + window, path) for window in windows).decode("ascii")


def _decompressed(packed: bytes, path: Path) -> bytes:
    try:
        return subprocess.run(["gzip", "-dc"], input=packed, capture_output=True, check=True).stdout
    except OSError as error:
        raise NoisegridError(f"{path} cannot be unpacked: gzip cannot run ({why(error)}); install it") from error
    except subprocess.CalledProcessError as error:
        said = " ".join(error.stderr.decode(errors="replace").split())
        raise NoisegridError(f"{path} cannot be unpacked ({said}); install the package again") from error
