"""Fill in what is written elsewhere in the repository, in Markdown, while a page is read.

A page names it in a comment of its own line, which a forge does not show:

    <!-- generated: commands -->
    <!-- generated: schema study -->

The first word is a module of this package, whose function `markdown` gets the others.
"""

import re
from importlib import import_module

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

GENERATORS = ("catalog", "commands", "gallery", "noises", "schema")
MARK = re.compile(r"^<!-- generated: (\w+)(.*) -->$", re.MULTILINE)


def fill(app: Sphinx, page: str, source: list[str]) -> None:
    """Replace the marks of a page."""

    def generated(mark: re.Match[str]) -> str:
        if mark[1] not in GENERATORS:
            raise ExtensionError(f"{page}: {mark[1]} is no generator; write one of {', '.join(GENERATORS)}")
        return import_module(f"_ext.{mark[1]}").markdown(*mark[2].split())

    source[0] = MARK.sub(generated, source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the step."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
