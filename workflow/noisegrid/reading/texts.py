"""Text files, which are read whole."""

from pathlib import Path

from noisegrid.common.escape import terminal
from noisegrid.reading.limits import TEXT_BYTES, check_file
from noisegrid.reading.runs import CannotJudge

#: How UTF-16 begins, in which spreadsheets save "Unicode text".
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises
    ------
    CannotJudge
        If the file is empty, too large, or not UTF-8.
    """
    check_file(path, TEXT_BYTES)
    return decoded(path.read_bytes(), str(path))


def decoded(content: bytes, origin: str) -> str:
    """Return bytes as text, and raise CannotJudge if they are no text in UTF-8."""
    name = terminal(origin)
    if content.startswith(_UTF16):
        raise CannotJudge(f"{name} is UTF-16; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CannotJudge(f"{name} is damaged or no text file: byte {error.start:,} is not UTF-8") from error
    if "\0" in text:
        raise CannotJudge(f"{name} is damaged or no text file: byte {content.index(0):,} is zero")
    if not text.strip():
        raise CannotJudge(f"{name} is empty; did the run that wrote it fail?")
    return text
