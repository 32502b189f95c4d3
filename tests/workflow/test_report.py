"""The report of the tiny study in a real browser, and Snakemake's own report next to it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

pytestmark = [pytest.mark.slow, pytest.mark.browser]
WIDTHS, SCHEMES = (1280, 390), ("light", "dark")
FIGURES = {f"figure_{name}" for name in (1, 2, 3, 5, 6, 7, 8, "overview", "sources", "across")}


@pytest.fixture(scope="module")
def browser(chromium) -> Iterator[Browser]:
    binary, *_ = chromium
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Opened:
    """A page in the browser, with all that it complained about and all that it asked for outside of its file."""

    def __init__(self, browser: Browser, path: Path, width: int = 1280, scheme: str = "light", scripts: bool = True):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
        )
        self.page: Page = context.new_page()
        self.complaints, self.asked = list[str](), list[str]()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda request: self.complaints.append(request.url))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())


@pytest.fixture(scope="module")
def report(finished) -> Path:
    return finished / "results/tiny/report.html"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_whole_at_every_width_in_light_and_dark(browser, report, width, scheme):
    opened = Opened(browser, report, width, scheme)
    page = opened.page
    page.wait_for_selector("#chart svg")
    assert opened.complaints == []
    assert [url for url in opened.asked if not url.startswith("data:")] == [report.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") == width
    drawn = page.evaluate(
        "[...document.images].map(each => [each.closest('figure').id, each.complete && each.naturalWidth])"
    )
    assert {name for name, size in drawn} == FIGURES and all(size > 100 for _, size in drawn)
    if width == 390:  # everything unfolded; the rest of the page is the same
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        assert page.evaluate("document.documentElement.scrollWidth") == width
    assert Axe().run(page).response["violations"] == []  # labels, contrast, landmarks, names of controls


def test_the_verdict_and_a_figure_are_above_the_findings(browser, report):
    page = Opened(browser, report).page
    words = page.inner_text("main")
    order = [
        "How much of these results is noise?",
        "3 runs per cell are too few to say which difference in accuracy is noise: it takes at least 5.",
        "65 training runs in 21 cells",
        "n = 3 to 4 replicates per cell",
        "On how many test examples two runs disagree",
        "Control is exactly zero (bitwise equal weights) in 4 of 4 control cells",
        "Accuracy and noise",
        "The paper's claims",
    ]
    places = [words.find(each) for each in order]
    assert -1 not in places and places == sorted(places), dict(zip(order, places, strict=True))


def test_a_phone_shows_the_whole_menu_and_every_number_without_scrolling_aside(browser, report):
    page = Opened(browser, report, 390).page
    ends = "each => [...document.querySelectorAll(each)].map(one => one.getBoundingClientRect()).map(box => box.right)"
    assert max(page.evaluate(ends, "nav a")) <= 390
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert max(page.evaluate(ends, "td, tbody th")) <= 390
    heading = "getComputedStyle(document.querySelector('#table-noise td'), '::before').content"
    assert page.evaluate(heading) == '"free"'


def test_what_a_study_cannot_test_is_folded(browser, report):
    claims = Opened(browser, report).page.locator("#table-claims")
    assert claims.locator("tbody >> text=not measured here").first.is_hidden()
    claims.locator("summary", has_text="Not measured here").click()
    assert claims.locator("tbody >> text=not measured here").first.is_visible()


def test_it_reads_without_javascript(browser, report):
    opened = Opened(browser, report, scripts=False)
    with_scripts = Opened(browser, report).page
    assert opened.page.locator("table").count() == with_scripts.locator("table.dataTable").count() > 15
    assert opened.page.locator("#table-noise tbody tr").count() == 24 - 3  # every cell but those across hardware
    assert opened.page.locator("noscript").inner_text().startswith("The explorer needs JavaScript")
    assert not opened.page.locator("#chart").is_visible() and opened.complaints == []


def test_a_click_on_a_heading_sorts_by_number(browser, report):
    page = Opened(browser, report).page
    heading = page.locator("#table-noise th", has_text="churn")
    column = heading.evaluate("each => each.cellIndex")
    rows = "[...document.querySelectorAll('#table-noise tbody tr')]"
    churns = f"{rows}.map(row => Number(row.cells[{column}].dataset.order))"
    before = page.evaluate(churns)
    assert before != sorted(before)
    for wanted in (sorted(before), sorted(before, reverse=True)):
        heading.click()
        page.wait_for_function(f"JSON.stringify({churns}) === JSON.stringify({wanted})")  # rows move after the click


@pytest.mark.parametrize("width", WIDTHS)
def test_a_name_leads_to_every_number_of_its_cell(browser, report, width):
    page = Opened(browser, report, width).page
    page.locator("#table-noise a[href='#cells-cpu-tiny_bn-digits']").first.click()
    section = page.locator("[id='cells-cpu-tiny_bn-digits']")
    churn = section.locator("tr", has=page.locator("th", has_text=re.compile("^churn"))).first
    churn.wait_for(state="visible")  # the section unfolds
    assert section.locator("td[data-heading='control (nothing free)']").first.is_visible()
    assert "[0.0, 0.0]" in churn.inner_text()  # of control


def test_a_reader_picks_the_runs_of_the_explorer(browser, report):
    page = Opened(browser, report, 390).page
    points = page.locator("#chart .mark-symbol path[aria-roledescription=circle]")
    shown = page.locator("#shown")
    page.wait_for_selector("#chart svg")
    assert shown.inner_text() == f"{points.count()} runs, in percent."
    before = points.count()
    page.locator("#picks select[name=picked_noise]").select_option(label="implementation")
    page.wait_for_function("document.querySelector('#shown').innerText.startsWith('3 runs')")
    assert points.count() == 3 < before
    page.locator("#picks select[name=picked_metric]").select_option(
        label="churn against the other runs of its seed set"
    )
    assert points.count() == 3
    page.locator("#picks select[name=picked_task]").select_option(label="tiny_dropout-digits")
    page.wait_for_function("document.querySelector('#shown').innerText === 'No run was made with this choice.'")


def test_snakemakes_report_is_one_click_away(browser, report):
    opened = Opened(browser, report)
    opened.page.locator("#provenance a").click()
    opened.page.wait_for_selector(".prose")
    assert opened.page.url == report.with_name("provenance.html").as_uri()
    assert opened.page.inner_text(".prose").startswith("How much of these results is noise?")
    menu = opened.page.inner_text("nav")
    assert menu.index("0. Findings") < menu.index("1. Figures") < menu.index("2. Tables") < menu.index("3. Cells")
    outside = [url for url in opened.asked if not url.startswith(("data:", "blob:", "file:"))]
    assert outside == [], json.dumps(outside)
