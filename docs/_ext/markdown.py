"""Markdown, written."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table. Cells are Markdown; bars and line breaks in them are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines) + "\n"


def _cell(value: object) -> str:
    return " ".join(str(value).replace("|", r"\|").split())


def code(value: object) -> str:
    """Return a value as code, or nothing if it is empty."""
    text = str(value)
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}" if text else ""


def prose(text: str) -> str:
    """Return a sentence of a docstring or schema with its characters that Markdown would read as HTML escaped."""
    return text.replace("<", r"\<").replace("*", r"\*")


def definition(term: str, text: str) -> str:
    """Return an entry of a definition list."""
    return f"{term}\n: {text or '–'}\n"


def item(head: str, text: str) -> str:
    """Return an entry of a list: a head and, if there is any, a line of text."""
    return f"- {head}\\\n  {text}" if text else f"- {head}"
