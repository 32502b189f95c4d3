"""Functions that escape text of unknown origin for a terminal, Markdown, LaTeX, HTML, a spreadsheet or a figure.

Each function takes one line or one cell of plain text. In every format, the text is shown as it is, and nothing in it
acts as a command, a formula, a link or markup.
"""

import html as standard
import re
import unicodedata

#: Stands for a character that cannot be shown.
UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_LATEX = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    UNKNOWN: "?",  # a character that LaTeX knows
} | {letter: f"\\{letter}" for letter in "{}$&#_%"}
#: Characters with a meaning anywhere in Markdown. `_` has one only at the edge of a word; the last three make links.
_MARKDOWN = re.compile(r"[\\`*\[\]<>|~!&#${}]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=(?i:www))\.|@(?=[\w-])")
#: The start of a list, a heading underlined with `=` or `-`, or a horizontal line, at the start of a text.
_MARKDOWN_START = re.compile(r"[-+=](?=[-+=\s]|\Z)|(?<=[0-9])[.)](?=\s|\Z)")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?(?:inf|nan)")


def terminal(text: str) -> str:
    """Replace every character that could move the cursor, hide text or change its direction.

    These are control characters, among them escapes and ends of lines, invisible format characters such as those that
    reverse the direction of writing, separators of lines and paragraphs, surrogates, and characters that Unicode does
    not define. Letters, marks, digits, symbols, punctuation and spaces stay.
    """
    return "".join(
        letter if letter.isprintable() or unicodedata.category(letter) == "Zs" else UNKNOWN for letter in text
    )


def lines(text: str) -> str:
    """Apply `terminal` to every line of a text."""
    return "\n".join(map(terminal, text.splitlines()))


def markdown(text: str) -> str:
    """Escape a text for a line of Markdown or a cell of a Markdown table."""
    escaped = _MARKDOWN.sub(r"\\\g<0>", terminal(text).strip())
    digits = len(escaped) - len(escaped.lstrip("0123456789"))
    if start := _MARKDOWN_START.match(escaped, digits):
        return f"{escaped[: start.start()]}\\{escaped[start.start() :]}"
    return escaped


def latex(text: str) -> str:
    """Escape a text for LaTeX, so that no character of it is a command."""
    return "".join(_LATEX.get(letter, letter) for letter in terminal(text))


def html(text: str) -> str:
    """Escape a text for the content of an HTML element or the value of an attribute in quotes."""
    return standard.escape(terminal(text))


def figure(text: str) -> str:
    """Escape a text for a figure of matplotlib, in which text between two dollar signs is a formula."""
    return terminal(text).replace("$", r"\$")


def spreadsheet(text: str) -> str:
    """Put an apostrophe in front of a text that a spreadsheet would take for a formula.

    Such a text begins with `=`, `+`, `-` or `@`, or with one of these after spaces. A number stays as it is, also if it
    is negative. Tabs and ends of lines are replaced like all control characters. Quote the result as usual in CSV.
    """
    shown = terminal(text)
    start = unicodedata.normalize("NFKC", shown.lstrip()[:1])  # the wide forms of these characters start formulas too
    is_formula = start in ("=", "+", "-", "@") and not _NUMBER.fullmatch(shown)
    return f"'{shown}" if is_formula else shown
