"""Texts of a stranger that act wherever they are not escaped, and the places of a document to put them."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TEXTS = (
    'it\'s "quoted" & $(touch PWNED) `touch PWNED`; touch PWNED #',
    "x\ntouch PWNED\n",
    "{threads} {{ 7 * 7 }} {% raw %}",
    "../../outside",
    "\x1b[2J\x1b]0;title\x07\u202egnp.exe\u2066",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script><img src=x onerror=alert(1)> [x](javascript:alert(1))",
    r"\input{/etc/passwd}\write18{touch PWNED} 100 %",
    "--help",
)
#: What no terminal may get: control characters but ends of lines, and characters that change the direction.
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
#: All texts in one, at whose start a spreadsheet would see a formula.
ALL = " ".join(["=cmd|' /C calc'!A0", *TEXTS, r"$\nothing", ".. raw:: html"])

Place = tuple[str | int, ...]


def places(document: Any, above: Place = ()) -> Iterator[tuple[Place, bool]]:
    """Yield every place of a document: each value, and each key of a mapping (then with True)."""
    entries = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in entries:
        here = (*above, key)
        if isinstance(document, dict):
            yield here, True
        if isinstance(value, dict | list):
            yield from places(value, here)
        yield here, False


def planted(document: Any, place: Place, is_key: bool, text: str) -> Any:
    """Return a copy of a document with a text as the value, or as the key, in a place."""
    changed = copy.deepcopy(document)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    if is_key:
        inner[text] = inner.pop(place[-1])
    else:
        inner[place[-1]] = text
    return changed


def params(document: dict[str, Any]) -> list[Any]:
    return [
        pytest.param(place, is_key, id=f"{'.'.join(map(str, place))}{' (key)' if is_key else ''}")
        for place, is_key in places(document)
    ]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file and folder below a folder, with contents."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def assert_plain(printed: str) -> None:
    """Assert that an output is safe for a terminal and shows no exception."""
    assert not RAW.search(printed), printed
    assert not re.search(r"Traceback|Exception|Error in|WorkflowError", printed), printed


def named(place: Place, printed: str) -> bool:
    """Whether a sentence names the key of a place, or says that the key is unknown."""
    keys = [str(key) for key in place if isinstance(key, str)]
    return "unknown key" in printed or any(key.rstrip("s") in printed for key in keys)
