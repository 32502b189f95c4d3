"""Texts of unknown origin in metrics.csv (devices, sub-groups, versions) are data in every format that is written."""

import csv
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from factories import metrics_frame

from noisegrid.common.files import csv_text
from noisegrid.reporting import cell_pages, findings, tables
from noisegrid.runtime import refused_nodes

HOSTILE = [
    "<script>alert(1)</script>",
    r"\input{/etc/passwd} \write18{touch PWNED}",
    "=cmd|' /C calc'!A0",
    "@SUM(1)",
    "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "a\nb | c\r\nd",
    "{{ 7 * 7 }} {% raw %} {threads}",
    "$(touch PWNED) `touch PWNED` ; touch PWNED",
    "[link](http://example.org) ![](x) *bold*",
    "\u202egnp.exe",
    "../../out",
    "'quoted\" & 100 %",
]


class Tags(HTMLParser):
    """The tags of a page, with the attributes that could run code."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.add(tag)
        self.found |= {name for name, _ in attrs if name.startswith("on") or name in ("href", "src")}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_data_in_every_format(tmp_path, text):
    frame = metrics_frame()
    frame["device"] = text
    group = frame["group"].str.startswith("class ")
    frame.loc[group & (frame["group"] == "class 1"), "group"] = text
    tables.write_all(frame, None, tmp_path / "tables")
    findings.write(frame, None, tmp_path / "findings.md")
    cell_pages.write_all(frame, tmp_path / "pages")
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 20
    for path in written:
        content = path.read_text()
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", content), path
        if path.suffix == ".html":
            assert not Tags(content).found & {"script", "img", "a", "onerror", "href", "src"}, path
        if path.suffix == ".tex":
            assert not re.search(r"\\(input|write18)", content), path
            assert not re.search(r"(?<!\\)[%$]", content), path
        if path.suffix == ".md":
            assert "](http" not in content.replace(r"\](http", "") and "<script>" not in content.replace(r"\<", ""), (
                path
            )
        if path.suffix == ".csv":
            cells = [cell for row in csv.reader(content.splitlines()) for cell in row]
            assert not [cell for cell in cells if cell[:1] in "=@+" and cell], path
        if path.suffix == ".rst":
            assert "{" not in content and "}" not in content


@pytest.mark.parametrize("text", HOSTILE)
def test_a_row_of_metrics_csv_is_one_row_without_a_formula(text):
    rows = list(csv.reader(csv_text([{"a": text, "b": -1.5}], ["a", "b"]).splitlines()))
    assert len(rows) == 2 and rows[1][1] == "-1.5"
    assert rows[1][0][:1] not in ("=", "@", "+", "-")


@pytest.mark.parametrize("text", HOSTILE)
def test_an_error_cannot_move_the_cursor(text):
    """Whatever an error quotes, the terminal shows one line per line of the error."""
    script = (
        "import json, sys\nfrom noisegrid.cli import main as m\nfrom noisegrid.common.errors import NoisegridError\n"
        "def run(options): raise NoisegridError(json.loads(sys.argv[1]))\n"
        "module = m.find('status').load(); module.run = run\n"
        "sys.exit(m.main(['status']))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, json.dumps(text)], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.startswith("noisegrid: ")
    assert "\x1b" not in done.stderr and "\u202e" not in done.stderr and "Traceback" not in done.stderr


def test_only_names_of_nodes_reach_sbatch(tmp_path):
    folder = refused_nodes._folder(tmp_path / "results" / "x", "cpu")
    folder.mkdir(parents=True)
    for name in ("node-1.example", "x;touch PWNED", "$(touch PWNED)", "--wrap=x", "a b"):
        (folder / name).touch()
    assert refused_nodes.nodes(tmp_path / "results" / "x", "cpu") == ["node-1.example"]
