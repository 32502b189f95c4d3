"""The pages of the documentation, and the commands and links in them."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from conftest import ROOT
from markdown_it import MarkdownIt
from markdown_it.token import Token

from noisegrid.cli.main import SUBCOMMANDS, WORKFLOW_SUBCOMMANDS

#: The languages of blocks with commands alone, and of blocks in which a prompt precedes each command.
ALONE, PROMPTED = {"sh", "bash"}, {"console", "text", ""}
PROMPT = re.compile(r"(\w*)\$ (.*)")
COMMENT = re.compile(r"(^|\s+)#\s.*$")
#: A command in a cell of a table of README.md.
TYPED = re.compile(r"(noisegrid [a-z-]+|snakemake|make|pytest)( .*)?")


class Command(NamedTuple):
    """A command as a page shows it, and the output that the page shows, if it does."""

    place: str
    text: str
    output: str | None = None


def pages() -> list[Path]:
    """Return the Markdown files that people read."""
    top = [*ROOT.glob("*.md"), *(ROOT / name / "README.md" for name in ("benchmarks", "config", "containers"))]
    return sorted({*top, *(ROOT / "docs").rglob("*.md")})


def tokens(page: Path) -> list[Token]:
    """Return the tokens of a page."""
    text = re.sub(r"\A---\n.*?\n---\n", "", page.read_text(), flags=re.DOTALL)
    return MarkdownIt("commonmark").enable("table").parse(text)


def commands_of(page: Path) -> Iterator[Command]:
    """Yield the commands in the blocks of a page."""
    name = page.relative_to(ROOT).as_posix()
    yield from _in_tables(name, tokens(page) if name == "README.md" else [])
    for token in tokens(page):
        language = token.info.strip()
        if token.type == "fence" and language in ALONE:
            lines = token.content.replace("\\\n", " ").splitlines()
            yield from (Command(name, text) for line in lines if (text := COMMENT.sub("", line).strip()))
        elif token.type == "fence" and language in PROMPTED:
            yield from _prompted(name, token.content)


def _in_tables(name: str, parsed: list[Token]) -> Iterator[Command]:
    for cell, inline in pairwise(parsed):
        codes = [child.content for child in inline.children or [] if child.type == "code_inline"]
        if cell.type == "td_open":
            yield from (Command(name, code) for code in codes if TYPED.fullmatch(code))


def _prompted(name: str, block: str) -> Iterator[Command]:
    parts = re.split(r"^(?=\w*\$ )", block, flags=re.MULTILINE)
    for part in parts:
        first, _, output = part.partition("\n")
        if found := PROMPT.fullmatch(first):
            yield Command(name, found[2], output)


def examples_of_help() -> Iterator[Command]:
    """Yield the example at the end of each `noisegrid SUBCOMMAND --help`."""
    for entry in (*SUBCOMMANDS, *WORKFLOW_SUBCOMMANDS):
        yield Command(f"noisegrid {entry.name} --help", entry.load().EXAMPLE)


def links_of(page: Path) -> Iterator[str]:
    """Yield where the links and images of a page lead."""
    for token in tokens(page):
        for child in token.children or []:
            if address := child.attrGet("href") or child.attrGet("src"):
                yield str(address)


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that a forge gives to the headings of a page."""
    found: dict[str, int] = {}
    parsed = tokens(page)
    for heading, inline in pairwise(parsed):
        if heading.type == "heading_open":
            text = "".join(child.content for child in inline.children or [])
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            found[slug] = found.get(slug, -1) + 1
    return {f"{slug}-{number}" if number else slug for slug, last in found.items() for number in range(last + 1)}
