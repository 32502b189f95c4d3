"""The report in a real browser."""

import html
import json
import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def browsed(chromium: list[str], report: Path, place: Path, script: str, width: int) -> str:
    """What a script in the page writes into the page's title, in a browser window of that width (pixels)."""
    text = report.read_text()
    end = text.rindex("</body>")
    place.mkdir(exist_ok=True)
    page = place / "report.html"
    page.write_text(f"{text[:end]}<script>{script}</script>{text[end:]}")
    shown = subprocess.run(
        [*chromium, f"--window-size={width},900", "--virtual-time-budget=9000", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    return re.search(r"<title>(.*?)</title>", shown, re.S).group(1)


@pytest.mark.browser
def test_report_in_a_real_browser(finished, chromium, tmp_path):
    """Every figure and table is in the page, and the page asks for nothing that is not in the file."""
    report = finished / "results/tiny/report.html"
    text = report.read_text()
    for name in ("figure_1.png", "figure_2.png", "figure_3.png", "noise.html", "difference.html", "findings.html"):
        assert name in text
    # what the page asks for, told by the page itself once it has loaded
    asked = (
        "onload = () => {document.title = performance.getEntriesByType('resource').map(e => e.name).join(' ') + '.'}"
    )
    assert "://" not in browsed(chromium, report, tmp_path, asked, 1280).replace("file://", "")
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']https?://", text)


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_the_first_page_says_what_was_measured_and_any_cell_is_two_clicks_away(finished, chromium, tmp_path, width):
    report = finished / "results/tiny/report.html"
    first = """setTimeout(() => {
        const page = document.querySelector('.prose'), menu = document.querySelector('nav');
        const [text, nav] = [page.getBoundingClientRect(), menu.getBoundingClientRect()];
        const apart = nav.right <= text.left || nav.bottom <= text.top;
        const inside = text.left >= 0 && text.right <= innerWidth && text.top >= 0;
        document.title = JSON.stringify([page.innerText, menu.innerText, apart, inside]);
    }, 2000)"""
    words, menu, apart, inside = json.loads(html.unescape(browsed(chromium, report, tmp_path, first, width)))
    assert words.startswith("How much of these results is noise?") and apart and inside
    for part in (
        "What was measured (study tiny). 65 training runs in 21 cells",
        "Control is exactly zero",
        "n = 3 to 4",
    ):
        assert part in words, words
    assert menu.index("0. Findings") < menu.index("1. Figures") < menu.index("2. Tables") < menu.index("3. Cells")
    two_clicks = """setTimeout(() => {
        [...document.querySelectorAll('nav a')].find(a => a.textContent.includes('3. Cells')).click();
        setTimeout(() => {
            const row = [...document.querySelectorAll('nav tr, nav li')].filter(e => e.textContent.includes('tiny_bn'));
            row.at(-1).querySelector('a').click();
            setTimeout(() => {
                // the page lies in the report as a data address, which its parent may read but not enter
                const [kind, data] = document.querySelector('iframe').src.split(',');
                const page = kind.includes('base64') ? atob(data) : decodeURIComponent(data);
                document.title = page.slice(page.indexOf('<h1>'), 2000);
            }, 1500);
        }, 1000);
    }, 1500)"""
    cell = browsed(chromium, report, tmp_path, two_clicks, width)
    assert "tiny_bn-digits on cpu" in cell and "control (nothing free)" in cell, cell
