"""Pages of the documentation, whose commands are run and whose outputs are compared."""

import re

from conftest import ROOT

BLOCK = re.compile(r"```(sh|text)\n(.*?)```", re.DOTALL)


def steps(page: str, start: str, end: str) -> list[tuple[str, str]]:
    """Return the commands between two headings of a page, each with the output that is expected of it.

    A block of commands without an output after it has an empty one. Blocks of other kinds, such as bash, are left out.
    """
    text = (ROOT / "docs" / page).read_text()
    found = list[tuple[str, str]]()
    for kind, block in BLOCK.findall(text[text.index(start) : text.index(end)]):
        if kind == "sh":
            found.append((block, ""))
        else:
            commands, expected = found.pop()
            assert not expected, block
            found.append((commands, block))
    return found


def missing(expected: str, output: str) -> list[str]:
    """Return the expected lines that an output does not have; `…` stands for anything."""
    patterns = [
        (line, ".*".join(re.escape(part.strip()) for part in line.split("…"))) for line in expected.splitlines()
    ]
    lines = output.splitlines()
    return [line for line, pattern in patterns if not any(re.fullmatch(pattern, found.strip()) for found in lines)]
