"""The release: one version, in the package, in its citation and in the changelog."""

import re

import yaml
from conftest import ROOT

from noisegrid import __version__

CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())


def test_the_version_is_the_same_everywhere():
    assert CITATION["version"] == __version__ and re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == __version__
    assert versions == sorted(versions, key=lambda text: [int(part) for part in text.split(".")], reverse=True)


def test_the_citation_has_what_its_format_requires():
    """Of version 1.2.0 of the Citation File Format."""
    assert CITATION["cff-version"] == "1.2.0"
    assert all(CITATION[key] for key in ("message", "title", "authors", "license", "date-released"))
    for author in CITATION["references"][0]["authors"]:
        assert author.keys() == {"family-names", "given-names"}
