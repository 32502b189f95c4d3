"""What we found: every number with an interval is in the metrics.csv of a folder that its section links to."""

import csv
import re

import pytest
from conftest import ROOT

PAGE = (ROOT / "docs/found.md").read_text()
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
ESTIMATE = re.compile(r"(\d+\.\d+) \[(\d+\.\d+), (\d+\.\d+)\]")
RANGE = re.compile(r"independent errors give (\d+\.\d+) to (\d+\.\d+)")


def rows_of(section: str) -> list[dict[str, str]]:
    """Return the rows of every metrics.csv in the folders that a section links to."""
    files = [ROOT / "docs" / link / "metrics.csv" for link in re.findall(r"\((results/\w+)\)", section)]
    return [row for file in files if file.exists() for row in csv.DictReader(file.open())]


def matches(number: str, value: str) -> bool:
    """Return whether a number of the page is a value, rounded to as many decimals."""
    return bool(value) and f"{float(value):.{len(number.partition('.')[2])}f}" == number


@pytest.mark.parametrize("name", [name for name, text in SECTIONS.items() if ESTIMATE.search(text)])
def test_every_estimate_is_in_the_results(name):
    rows = rows_of(SECTIONS[name])
    for numbers in ESTIMATE.findall(SECTIONS[name]):
        columns = [[row[key] for key in ("value", "low", "high")] for row in rows]
        assert any(all(map(matches, numbers, row)) for row in columns), numbers
    for numbers in RANGE.findall(SECTIONS[name]):
        assert any(all(map(matches, numbers, (row["null_low"], row["null_high"]))) for row in rows), numbers


def test_a_number_that_is_not_there_is_noticed():
    rows = rows_of(SECTIONS["One unit in the last place is enough"])
    found = [
        row for row in rows if all(map(matches, ("4.36", "3.90", "4.81"), (row["value"], row["low"], row["high"])))
    ]
    assert rows and not found


def test_every_finding_says_what_would_change_our_mind():
    assert len(SECTIONS) >= 8
    said = [name for name, text in SECTIONS.items() if "*What would change our mind:*" in text]
    assert set(SECTIONS) - set(said) == {"A gain of 2.7 points was nothing"}
