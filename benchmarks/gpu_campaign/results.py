"""Gather what the parts have measured so far into a few CSV files, and write them with the summary."""

import csv
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from parts import Campaign
from summary import Row, summary


def write_results(campaign: Campaign, about: dict[str, Any], outcomes: dict[str, str], output: Path) -> None:
    """Write summary.md and one CSV file for each part that has measured something.

    Parameters
    ----------
    campaign : Campaign
        The campaign, whose folder has the files of the parts.
    about : dict
        The device, the software and the commit.
    outcomes : dict
        How each part ended; a part that has not run yet is not in it.
    output : Path
        The folder to write to.
    """
    from noisegrid.common.files import csv_text, write_text

    overhead = campaign.work / "overhead"
    tables = {
        "tests": _tests(campaign.work / "tests.xml"),
        # a network that was not done at the deadline has its blocks in a .csv.partial
        "overhead": _rows(path for end in ("csv", "csv.partial") for path in overhead.glob(f"*/*.{end}")),
        "replicates": _replicates(campaign.work / "results"),
        "metrics": _rows((campaign.work / "metrics").glob("*.csv")),
        "throughput": _rows((campaign.work / "throughput").glob("*.csv")),
    }
    for name, rows in tables.items():
        if rows:
            write_text(output / f"{name}.csv", csv_text(rows, tuple(rows[0])))
    write_text(output / "summary.md", summary(campaign, about, outcomes, tables))


def _tests(junit: Path) -> list[Row]:
    if not junit.exists():
        return []
    rows = []
    for case in ElementTree.parse(junit).iter("testcase"):
        failed = next((child for child in case if child.tag in ("failure", "error", "skipped")), None)
        why = "" if failed is None else f": {' '.join((failed.get('message') or '').split())[:200]}"
        rows.append({"test": case.get("name", ""), "result": "passed" if failed is None else failed.tag + why})
    return rows


def _replicates(results: Path) -> list[Row]:
    rows = []
    for path in sorted(results.glob("*/replicates/*/*/*/*/record.json")):
        record = json.loads(path.read_text())
        hashes = {key: record[key] for key in ("initial_weight_hash", "weight_hash")}
        about = {"model": record["device"]["model"], "torch": record["software"]["torch"]}
        seconds = {key: str(value) for key, value in record["timings"].items()}
        cell = {key: record["cell"][key] for key in ("hardware", "task", "noise")}
        results_of = {"test_accuracy_percent": str(record["results"]["test_accuracy_percent"])}
        rows.append(cell | {"replicate": str(record["replicate"])} | hashes | results_of | seconds | about)
    return rows


def _rows(paths: Iterable[Path]) -> list[Row]:
    found: list[Row] = []
    for path in sorted(paths):
        with path.open(newline="") as file:
            found += csv.DictReader(file)
    return found
