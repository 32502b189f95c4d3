"""The documentation site: it is built without a warning, and its pages can be read on a screen and on a phone."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Once, run

from noisegrid.cli.main import SUBCOMMANDS, WORKFLOW_SUBCOMMANDS
from noisegrid.common.schemas import catalog, schema
from noisegrid.study.sources import NOISES

pytestmark = pytest.mark.slow

#: The tags of accessibility rules that pages must keep, and pages of every kind.
RULES = ["wcag2a", "wcag2aa"]
KINDS = (
    "index",
    "tutorials/newcomer",
    "tutorials/read_results",
    "gallery",
    "gate",
    "reference/studies",
    "reference/python",
)


def build(target: Path, *options: str, docs: Path = ROOT / "docs", **environment: str):
    """Build the site strictly, as `make docs` does."""
    words = ("-W", "--keep-going", "--quiet", *options, "-d", target / "doctrees", docs, target / "html")
    return run(sys.executable, "-m", "sphinx", *words, **environment)


@pytest.fixture(scope="module")
def site(once: Once) -> Path:
    """The folder of the built site."""

    def make(folder: Path) -> None:
        done = build(folder)
        assert done.returncode == 0, done.stdout

    return once("site", make) / "html"


def text(site: Path, page: str) -> str:
    return (site / f"{page}.html").read_text()


# --- what is on the pages ---------------------------------------------------------------------------------------------


def test_the_reference_has_every_subcommand_and_its_options(site):
    page = text(site, "reference/commands")
    for entry in (*SUBCOMMANDS, *WORKFLOW_SUBCOMMANDS):
        assert f'id="{entry.name}"' in page
    assert "--rerun N" in page and "train N replicates again (requires PyTorch)" in page
    assert "–rerun" not in page  # no typographic dash


def test_the_reference_has_every_key_of_a_study(site):
    page = text(site, "reference/studies")
    for key in schema("study")["properties"]:
        assert f'<span class="pre">{key}</span>' in page, key
    assert "cells[].replicates" in page and "integer, ≥ 2, ≤ 100000" in page


def test_the_reference_has_every_entry_of_the_catalogs(site):
    page = text(site, "reference/catalogs")
    for name in (*NOISES, *(key for kind in ("tasks", "networks", "datasets", "hardware") for key in catalog(kind))):
        assert f'<span class="pre">{name}</span>' in page, name


def test_the_reference_has_the_public_functions(site):
    page = text(site, "reference/python")
    for name in ("gate", "floor", "tracing", "testing.noise_floor", "trainers.Request", "readers.Raw"):
        assert f'id="noisegrid.{name}"' in page, name
    assert "The smallest gain that matters, in the unit of the metric." in page


def test_the_gallery_has_every_figure_with_a_sentence(site):
    page = text(site, "gallery")
    figures = sorted((ROOT / "docs/results").glob("*/*.png"))
    assert figures and page.count("<figure") == page.count("<figcaption") == len(figures)


def test_the_notebook_was_run(site):
    page = text(site, "tutorials/read_results")
    assert "of the test images, mean over all pairs of 5 runs" in page  # printed by a cell
    assert "_images/" in page


def test_a_link_to_a_file_leads_to_a_copy(site):
    page = text(site, "own")
    (copy,) = (site / "_downloads").glob("*/own.py")
    assert f"_downloads/{copy.parent.name}/own.py" in page
    assert copy.read_bytes() == (ROOT / "docs/example/own.py").read_bytes()


# --- strictness, and the forge: a site of one page --------------------------------------------------------------------


def one_page(folder: Path, body: str, **environment: str):
    """Build a site of a single page, with the configuration and extensions of the real one."""
    docs = folder / "docs"
    for name in ("_ext", "_static"):
        shutil.copytree(ROOT / "docs" / name, docs / name)
    shutil.copy(ROOT / "docs/conf.py", docs)
    (folder / "notes").mkdir()
    (folder / "more.md").write_text("# More\n")
    (docs / "index.md").write_text(f"# Title\n\n{body}\n")
    return build(folder / "out", docs=docs, **environment)


def test_a_link_an_anchor_or_a_generator_that_is_wrong_ends_the_build(tmp_path):
    body = "[a](missing.md) [b](#nowhere)\n\n```{eval-rst}\n:py:func:`noisegrid.no_such_function`\n```"
    done = one_page(tmp_path, body)
    assert done.returncode != 0
    for words in ("missing.md", "nowhere", "noisegrid.no_such_function"):
        assert words in done.stdout, words


def test_on_a_forge_links_lead_to_the_forge(tmp_path):
    body = "[a](../more.md#more) [b](../notes) [c](#title)"
    done = one_page(tmp_path, body, NOISEGRID_REPOSITORY="https://forge.example/me/grid/", NOISEGRID_COMMIT="c0ffee")
    assert done.returncode == 0, done.stdout
    page = (tmp_path / "out/html/index.html").read_text()
    assert 'href="https://forge.example/me/grid/blob/c0ffee/more.md#more"' in page
    assert 'href="https://forge.example/me/grid/tree/c0ffee/notes"' in page


def test_without_a_forge_a_folder_is_text_and_a_file_a_copy(tmp_path):
    done = one_page(tmp_path, "[a file](../more.md#more) [a folder](../notes)")
    assert done.returncode == 0, done.stdout
    page = (tmp_path / "out/html/index.html").read_text()
    assert "more.md" in re.search(r'<a [^>]*download=[^>]*href="([^"]*)"', page)[1]
    assert "a folder" in page and "notes" not in page


# --- in Chromium ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(chromium):
    """Headless Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium[0], args=["--no-sandbox"])


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_pages_can_be_read(browser, site, width, scheme):
    """Every page fits, every image is there, nothing fails; pages of each kind keep the rules of accessibility."""
    from axe_playwright_python.sync_playwright import Axe

    window = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    wrong = list[str]()
    window.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    window.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site).with_suffix("").as_posix()
        window.goto(f"file://{path}")
        too_wide = window.evaluate("document.documentElement.scrollWidth > innerWidth")
        missing = window.evaluate("[...document.images].filter(image => !image.naturalWidth).map(image => image.src)")
        assert (too_wide, missing, wrong) == (False, [], []), name
        if name in KINDS:
            broken = Axe().run(window, options={"runOnly": RULES, "preload": False}).response["violations"]
            assert [(rule["id"], rule["nodes"][0]["html"]) for rule in broken] == [], name
