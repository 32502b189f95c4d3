"""Text of unknown origin is shown as it is, and does nothing."""

import html.parser
import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from noisegrid.common import escape

#: Any text, with many of the characters that mean something somewhere.
TEXTS = st.text(st.one_of(st.sampled_from("\\`*_{}[]()<>#+-.!|~$&%^=@:/'\" \t\r\n\x1b\x9b\u202ea1w"), st.characters()))
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


@pytest.mark.parametrize(
    ("function", "text", "escaped"),
    [
        (escape.terminal, "a\x1b[2Jb", "a\ufffd[2Jb"),
        (escape.terminal, "a\x9b31mb\u202ec\u2066d\nsame", "a\ufffd31mb\ufffdc\ufffdd\ufffdsame"),
        (escape.terminal, "naïve × 10 Ω ✓\N{NO-BREAK SPACE}%", "naïve × 10 Ω ✓\N{NO-BREAK SPACE}%"),
        (escape.markdown, "smallcnn_bn-digits", "smallcnn_bn-digits"),
        (escape.markdown, "a|b <img src=x> [c](d) _e_", r"a\|b \<img src=x\> \[c\](d) \_e\_"),
        (escape.markdown, "- x", r"\- x"),
        (escape.markdown, "1. x", r"1\. x"),
        (escape.markdown, "-0.25", "-0.25"),
        (escape.markdown, "https://x.test www.x.test", r"https\://x.test www\.x.test"),
        (escape.latex, r"\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        (escape.latex, r"\write18{rm}^^5c$&#_%~", r"\textbackslash{}write18\{rm\}\textasciicircum{}\textasciicircum{}5c"
         r"\$\&\#\_\%\textasciitilde{}"),
        (escape.html, "<script>'&\"\x1b", "&lt;script&gt;&#x27;&amp;&quot;\ufffd"),
        (escape.spreadsheet, "=1+1", "'=1+1"),
        (escape.spreadsheet, " @SUM(A1)", "' @SUM(A1)"),
        (escape.spreadsheet, "\t=1", "\ufffd=1"),
        (escape.spreadsheet, "\N{FULLWIDTH EQUALS SIGN}1", "'\N{FULLWIDTH EQUALS SIGN}1"),
        (escape.spreadsheet, "-1.5e-3", "-1.5e-3"),
        (escape.spreadsheet, "-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0"),
        (escape.spreadsheet, "+", "'+"),
        (escape.spreadsheet, "a=b", "a=b"),
    ],
)  # fmt: skip
def test_by_hand(function, text, escaped):
    assert function(text) == escaped


@given(TEXTS)
def test_a_terminal_gets_one_line_that_only_shows(text):
    shown = escape.terminal(text)
    assert len(shown) == len(text)
    assert not any(unicodedata.category(letter)[0] == "C" or letter in "\u2028\u2029" for letter in shown)
    assert all(new in (old, "\ufffd") for old, new in zip(text, shown, strict=True))


@given(TEXTS)
@example("---")
@example("&lt;")
@example("0123456789. x")
def test_markdown_shows_the_text(text):
    """By a parser of Markdown: in a paragraph and in the cell of a table, there is text and nothing else."""
    wanted = escape.terminal(text).strip()
    escaped = escape.markdown(text)
    for document in (escaped, f"| a |\n| --- |\n| {escaped} |\n"):
        inline = [token for token in MARKDOWN.parse(document) if token.type == "inline"]
        assert len(inline) == (len(wanted) > 0 if document == escaped else 2)
        if inline and wanted:
            assert {token.type for token in inline[-1].children} <= {"text", "text_special"}
            assert "".join(token.content for token in inline[-1].children) == wanted
    kinds = {token.type for token in MARKDOWN.parse(escaped)}
    assert kinds <= {"paragraph_open", "inline", "paragraph_close"}


@given(TEXTS)
def test_latex_gets_no_command_but_those_that_print_a_character(text):
    escaped = escape.latex(text)
    commands = r"\\text(?:backslash|asciicircum|asciitilde|less|greater|bar)\{\}|\\[{}$&#_%]"
    assert not re.search(r"[\\{}$&#_%^~<>|]", re.sub(commands, "", escaped))
    again = re.sub(commands, lambda found: _printed(found[0]), escaped)
    assert again == escape.terminal(text).replace("\ufffd", "?")


def _printed(command: str) -> str:
    names = {"backslash": "\\", "asciicircum": "^", "asciitilde": "~", "less": "<", "greater": ">", "bar": "|"}
    return names[command[5:-2]] if command.startswith("\\text") else command[1]


class Reader(html.parser.HTMLParser):
    """Collect the events of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(TEXTS)
def test_html_shows_the_text(text):
    reader, escaped = Reader(), escape.html(text)
    reader.feed(f'<p title="{escaped}">{escaped}</p>')
    reader.close()
    shown = escape.terminal(text)
    assert reader.tags == [("p", [("title", shown)])] and reader.text == shown


@given(TEXTS)
def test_a_spreadsheet_gets_no_formula(text):
    cell = escape.spreadsheet(text)
    assert not cell.lstrip().startswith(("=", "@", "+", "-")) or float(cell) == float(text)


@given(st.floats(allow_nan=False))
def test_a_spreadsheet_gets_numbers_as_numbers(number):
    assert float(escape.spreadsheet(f"{number:.9g}")) == float(f"{number:.9g}")
