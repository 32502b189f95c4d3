"""What a stranger writes is data: hostile texts in records, metrics, folders and names of files reach every product."""

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import snakemake
from factories import PAIR, metrics_frame, rewrite_record
from hostile_texts import ALL, TEXTS, assert_plain, places, planted, tree
from unsafe_products import PRODUCTS, assert_safe, unsafe, unsafe_report

from noisegrid.cli.main import main
from noisegrid.common import escape
from noisegrid.common.files import csv_text, write_with_checksum
from noisegrid.reporting import cell_pages, findings, tables
from noisegrid.reporting.page.write import write_page

#: A folder, or the name of a study file, on the user's own machine.
FOLDER = 'it\'s "$(touch PWNED)" `touch PWNED` {threads} =cmd; touch PWNED & <img src=x onerror=alert(1)>'
#: A folder that the config names, without what is refused in it.
NAMED = '--re\'s "$(touch PWNED)" `touch PWNED` =cmd; touch PWNED & \\input x'.removeprefix("--")


def plant_in_records(folder: Path) -> None:
    """Write hostile texts into all records and timings of a study, and let all checksums fit again."""

    def change(record: dict[str, Any]) -> None:
        record["noisegrid"] = ALL
        record["device"] |= {"model": ALL, "host_cpu": ALL, ALL: ALL}
        record["software"] |= dict.fromkeys(("python", "torch", "numpy", "torchvision", "os", ALL), ALL)
        record["software"]["packages"] |= {"numpy": ALL, ALL: ALL}
        record["layout"][0]["name"] = ALL

    for path in folder.glob("replicates/*/*/*/*/record.json"):
        rewrite_record(path.parent, change)
    for path in (folder / "overhead/cpu.csv", folder / "overhead/cpu/smallcnn.csv"):
        rows = list(csv.DictReader(path.open()))
        for row in rows:
            row.update(dict.fromkeys(("device", "versions", "note"), ALL))
            row.update({"kernel": f"{row['kernel']} {ALL}"} if row["kernel"] else {})
        write_with_checksum(path, csv_text(rows, list(rows[0])))


@pytest.mark.slow
def test_hostile_records_and_folders_reach_every_product_as_data(package, tmp_path, monkeypatch, said):
    """From finished replicates to a package that others compare."""
    around = tmp_path / "surroundings"
    folder = around / FOLDER
    shutil.copytree(package.parents[2], folder, ignore=shutil.ignore_patterns(".snakemake", "pair", "pair.yaml"))
    (folder / "resources/datasets").rename(folder / f"data {NAMED}")
    results = folder / NAMED / "pair"
    shutil.copytree(package.parent, results, ignore=shutil.ignore_patterns("*.zip", "metrics.csv*", "overhead.csv*"))
    for name in ("tables", "figures", "cells", "logs"):
        shutil.rmtree(results / name)
    plant_in_records(results)
    path = folder / f"{FOLDER}.yaml"
    path.write_text(yaml.safe_dump(PAIR | {"description": ALL}))
    config = {"study": path, "results": NAMED, "datasets": f"data {NAMED}", "package_weights": True}
    before = {str(place) for place in tmp_path.rglob("*") if folder not in place.parents}

    monkeypatch.chdir(folder)
    for targets in ((), ("package",)):
        done = snakemake(folder, *targets, **config)
        assert_plain(done.stdout)
        assert done.returncode == 0, done.stdout
    crate = results / "pair.crate.zip"
    for words in (
        ("status", path, "--results", NAMED, "--deep"),
        ("summary", path, "--results", NAMED),
        ("verify", crate),
        ("compare", crate, crate, "--output", folder / "compared"),
    ):
        code, printed = said(lambda words=words: main([str(word) for word in words]))
        assert_plain(printed)
        assert code == 0, printed
    assert_safe(folder)
    assert {str(place) for place in tmp_path.rglob("*") if folder not in place.parents} == before
    assert not list(tmp_path.rglob("PWNED"))


@pytest.fixture(scope="module")
def a_record(package, tmp_path_factory) -> Path:
    """A finished study, with a record to be changed."""
    folder = tmp_path_factory.mktemp("record") / "surroundings" / "work"
    shutil.copytree(package.parents[1] / "pair", folder / "results/pair")
    shutil.copy(package.parents[2] / "pair.yaml", folder)
    return folder


@pytest.mark.slow
def test_a_record_with_hostile_text_in_any_place_is_data(a_record, monkeypatch, said):
    monkeypatch.chdir(a_record)
    path = a_record / "results/pair/replicates/cpu/short-digits/algo/0/record.json"
    original = json.loads(path.read_text())
    small = original | {"layout": original["layout"][:1]}
    small["software"] = original["software"] | {"packages": {"numpy": "1"}}
    for place, is_key in [one for one in places(small) if one[0] != ("record_digest",)]:
        path.write_text(json.dumps(planted(original, place, is_key, ALL)))
        if place[0] != "files" and "files" in json.loads(path.read_text()):
            rewrite_record(path.parent, lambda _: None)
        before = tree(a_record.parent)
        for words in (["status", "pair.yaml"], ["plan", "pair.yaml"]):
            code, printed = said(lambda words=words: main(words))
            assert_plain(printed)
            assert code == 0 or re.fullmatch(r"noisegrid: .*\n", printed), printed
        assert tree(a_record.parent) == before


TEXT_COLUMNS = [name for name, kind in metrics_frame().dtypes.items() if kind.kind not in "if"]


@pytest.mark.parametrize("column", TEXT_COLUMNS)
def test_a_metrics_file_with_hostile_text_is_drawn_as_data_or_refused(column, tmp_path, monkeypatch, said):
    work = tmp_path / "surroundings" / "work"
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    for text in (ALL, *TEXTS[3:4]):
        frame = metrics_frame(tasks=("net-data",)).astype({column: object})
        frame.loc[frame["metric"] == "class_accuracy_std", column] = text
        (work / "given").mkdir(exist_ok=True)
        frame.to_csv(work / "given/metrics.csv", index=False)
        before = {str(path) for path in work.parent.rglob("*")}
        words = ["tables", "--metrics", "given/metrics.csv", "--output", "made"]
        code, printed = said(lambda words=words: main(words))
        assert_plain(printed)
        assert code == 0 or re.fullmatch(r"noisegrid: .*\n", printed), printed
        made = {path for path in work.parent.rglob("*") if str(path) not in before}
        assert all(work / "made" in (path, *path.parents) for path in made)
        assert {path.name: why for path in made if path.suffix in PRODUCTS and (why := unsafe(path))} == {}
        shutil.rmtree(work / "made", ignore_errors=True)


# --- the test itself -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["terminal", "markdown", "latex", "html", "spreadsheet"])
def test_a_product_without_an_escape_is_found(name, tmp_path, monkeypatch):
    """With an escape switched off, `unsafe` finds the text in the products that need this escape."""

    def write(folder: Path) -> dict[str, str]:
        frame = metrics_frame()
        frame["device"] = frame["versions"] = ALL
        frame.loc[frame["group"] == "class 1", "group"] = ALL
        tables.write_all(frame, None, folder)
        findings.write(frame, None, folder / "findings.md")
        (folder / "metrics.csv").write_text(csv_text(frame.to_dict("records"), list(frame.columns)))
        files = [path for path in folder.rglob("*") if path.suffix in PRODUCTS]
        return {path.suffix: why for path in files if (why := unsafe(path))}

    assert write(tmp_path / "escaped") == {}
    for module in (escape, tables, findings, cell_pages):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, lambda text: text)
    assert write(tmp_path / "raw")


@pytest.mark.parametrize(
    "planted",
    [
        "<script>alert(1)</script>",
        "<img src=x>",
        "<b onclick=alert(1)>",
        "<a href='javascript:alert(1)'>",
        "<svg>",
        "\x1b[2J",
    ],
)
def test_what_acts_in_the_report_is_found(planted, tmp_path):
    write_page(metrics_frame(), None, [], [], "provenance.html", tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert unsafe_report(text) == ""
    assert unsafe_report(text.replace("<h2>Cells</h2>", f"<h2>Cells</h2>{planted}"))
