"""Find what a text of a stranger does in a product of a study: running code, a formula, markup, control characters."""

import base64
import csv
import hashlib
import io
import re
from html.parser import HTMLParser
from pathlib import Path

from hostile_texts import RAW


class Page(HTMLParser):
    """What a page has besides text: tags, and attributes that could run code or load something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.attributes = set[str](), set[str]()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs if name.startswith("on") or name in ("href", "src", "srcdoc")}


class Report(HTMLParser):
    """What the report has besides text, apart from what it is made to have."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found = set[str]()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        mine = {"src": ("data:image/",), "href": ("#", "provenance.html")}
        self.found |= {tag} & {"iframe", "svg", "object", "embed", "form", "base"}
        self.found |= {name for name, _ in attrs if name.startswith("on") or name == "srcdoc"}
        self.found |= {f"{name}={value}" for name, value in attrs if name in mine and not value.startswith(mine[name])}


#: A script that runs, and the hash by which the report's policy allows it.
SCRIPT, ALLOWED = re.compile(r"<script>(.*?)</script>", re.S), re.compile(r"'sha256-([^']+)'")


def unsafe_report(text: str) -> str:
    """Return what a text of a stranger does in the report, or an empty string."""
    policy = text[text.index("<meta http-equiv") :].partition(">")[0]
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in SCRIPT.findall(text)]
    if hashes != ALLOWED.findall(policy):
        return "a script of a stranger"
    text = SCRIPT.sub("", text)
    return "control characters" if RAW.search(text) else " ".join(Report(text).found)


def unsafe(path: Path) -> str:
    """Return what a text of a stranger does in a product of the study, or an empty string."""
    text = path.read_text()
    if path.name == "report.html":
        return unsafe_report(text)
    if path.name == "provenance.html":
        # what Snakemake writes as JSON into scripts; the rest of the page is its own
        text = text.partition('<script id="workflow-desc">')[2].partition('<script id="packages">')[0]
        if text.count("</script") != text.count("<script id=") + 1:
            return "a script that ends early"
    if RAW.search(text.replace("\r\n", "\n")):
        return "control characters"
    if path.suffix == ".html" and path.name != "provenance.html":
        page = Page(text)
        return " ".join(page.tags & {"script", "img", "a", "iframe", "svg", "object"} | page.attributes)
    if path.suffix == ".tex" and re.search(r"\\(input|write18)|(?<!\\)[%$&#](?!.*\\\\)", text):
        return "a command"
    if path.suffix == ".md" and re.search(r"(?<!\\)(<script|<img|\]\()", text):
        return "markup"
    if path.suffix == ".csv":
        found = [cell for row in csv.reader(io.StringIO(text)) for cell in row if cell[:1] and cell[:1] in "=@+"]
        return "a formula" if found else ""
    return ""


#: Suffixes of what people open.
PRODUCTS = (".html", ".tex", ".md", ".csv", ".rst")


def assert_safe(folder: Path) -> None:
    """Assert that nothing in a folder acts, apart from the originals of what was planted."""
    products = [path for path in folder.rglob("*") if path.suffix in PRODUCTS and "replicates" not in path.parts]
    assert len(products) > 40
    assert {str(path): why for path in products if (why := unsafe(path))} == {}
