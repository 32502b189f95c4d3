"""Relative links in a page lead to files of the repository, and anchors to headings. No network is used."""

from pathlib import Path
from urllib.parse import unquote

import pytest
from conftest import ROOT
from documentation import anchors_of, links_of, pages


def broken(page: Path) -> list[str]:
    """Return the relative links of a page that lead nowhere, each with the reason."""
    return [f"{link}: {why}" for link in links_of(page) if "://" not in link and (why := reason(page, link))]


def reason(page: Path, link: str) -> str:
    """Return why a link leads nowhere; return an empty string if it leads somewhere."""
    if link.startswith("mailto:"):
        return ""
    path, _, anchor = unquote(link).partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists():
        return "no such file"
    if anchor and target.suffix == ".md" and anchor not in anchors_of(target):
        return f"{target.name} has no such heading; it has {', '.join(sorted(anchors_of(target)))}"
    return ""


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    assert broken(page) == []


def test_links_lead_to_files_that_a_clone_has():
    """What git ignores, such as results/ or slurm/site.yaml, may be here, and is in no clone."""
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines() if line.startswith("/")]
    assert "slurm/site.yaml" in ignored
    for page in pages():
        for link in links_of(page):
            path = unquote(link.partition("#")[0])
            if path and "://" not in path and not path.startswith("mailto:"):
                name = (page.parent / path).resolve().relative_to(ROOT).as_posix()
                assert not any(f"{name}/".startswith(f"{entry}/") for entry in ignored), f"{page}: {link}"


def test_a_link_that_leads_nowhere_is_found(tmp_path):
    page = tmp_path / "page.md"
    (tmp_path / "other.md").write_text("# One\n\n## Two words, `code`\n\n## One\n")
    page.write_text(
        "[a](other.md) [b](other.md#two-words-code) [c](other.md#one-1) [d](#title)\n\n# Title\n\n"
        "[x](missing.md) ![y](missing.png) [z](other.md#three) [q](#nothing)\n\n`[n](not_a_link.md)`\n"
    )
    assert [found.partition(":")[0] for found in broken(page)] == [
        "missing.md", "missing.png", "other.md#three", "#nothing",
    ]  # fmt: skip
