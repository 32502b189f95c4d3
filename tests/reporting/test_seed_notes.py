"""Wherever a number of a cell with one seed set is printed, it says so; with five seed sets, nothing says so."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from conftest import ROOT
from factories import metrics_frame

from noisegrid.crate import comparison
from noisegrid.reporting import cell_pages, findings, registry, tables, tables_cells
from noisegrid.reporting import metrics_frame as frames
from noisegrid.reporting.registry import FIGURES
from noisegrid.study.sources import ONE_SEED_SET

NOISE = ("algo_impl", "algo", "impl", "control", "order", "in_batch_order")
#: Tables with a row per cell, whose CSV has the note too. Other CSV files have no caption that could say it.
BY_CELL = ("noise", "difference", "reference")
DRAWN = ("figure_1", "figure_2", "figure_3", "figure_5", "figure_8", "figure_sources")


def study(seed_sets: int) -> pd.DataFrame:
    return metrics_frame(("net-data", "net_bn-data"), NOISE, seed_sets)


def printed(frame: pd.DataFrame, folder: Path) -> dict[str, str]:
    """Return every text that is made from a metrics file, by its name."""
    tables.write_all(frame, None, folder / "tables")
    findings.write(frame, None, folder / "findings.md")
    cell_pages.write_all(frame, folder / "cells")
    texts = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.*")}
    for name in DRAWN:
        figure = FIGURES[name].make(frame)
        texts[name] = figure.get_supxlabel()
        plt.close(figure)
    return {name: re.sub(r"\s+", " ", text) for name, text in texts.items()}


def test_with_one_seed_set_everything_says_so(tmp_path):
    texts = printed(study(1), tmp_path)
    expected = {f"tables/{name}.csv" for name in BY_CELL}
    captioned = {name for name in texts if name.startswith("tables/") and not name.endswith(".csv")}
    assert {f"tables/{name}.md" for name in (*BY_CELL, "classes", "claims")} <= captioned
    expected |= captioned
    expected |= {f"findings.{end}" for end in ("md", "html", "rst")} | set(DRAWN)
    expected |= {f"cells/cpu.{task}.html" for task in ("net-data", "net_bn-data")}
    assert expected <= {name for name, text in texts.items() if ONE_SEED_SET in text}


def test_with_five_seed_sets_nothing_says_so(tmp_path):
    texts = printed(study(5), tmp_path)
    assert not [name for name, text in texts.items() if ONE_SEED_SET in text]
    assert "5 seed sets where seeds are held" in texts["figure_1"]


def test_sentences():
    control, *churn = findings.findings(study(1))[:3]
    assert control == (
        "Control is exactly zero (bitwise equal weights) in 2 of 2 control cells (conditional on one seed set)."
    )
    for sentence in churn:
        impl, algo = sentence.split(", two that differ in all seeds")
        assert impl.endswith(" % of the test examples (conditional on one seed set)") and ONE_SEED_SET not in algo
    frame = study(1)
    frame.loc[frame["task"] == "net-data", "seed_sets"] = 5
    control, first, second = findings.findings(frame)[:3]
    assert control.endswith("in 2 of 2 control cells (1 of them conditional on one seed set).")
    assert ONE_SEED_SET not in first and ONE_SEED_SET in second


@pytest.mark.parametrize(
    "make", [tables_cells.noise_table, tables_cells.difference_table, tables_cells.reference_table]
)
def test_tables_have_a_note_per_cell(make):
    table = make(study(1)).set_index(["task", "noise"])
    assert table.loc[("net-data", "impl"), "note"] == ONE_SEED_SET and table.loc[("net-data", "impl"), "seed_sets"] == 1
    assert table.loc[("net-data", "algo"), "note"] == "" and pd.isna(table.loc[("net-data", "algo"), "seed_sets"])
    table = make(study(5)).set_index(["task", "noise"])
    assert table.loc[("net-data", "impl"), "note"] == "" and table.loc[("net-data", "impl"), "seed_sets"] == 5


def test_a_comparison_of_packages_says_it():
    mine, yours = {"value": 5.0, "low": 4.0, "high": 6.0, "n": 10}, {"value": 8.0, "low": 7.0, "high": 9.0, "n": 10}
    row = {"hardware": "cpu", "task": "net-data", "noise": "impl", "metric": "churn", "unit": "percent"}
    row |= {"design": "differs", "equal_weights": 0, "compared_weights": 0, "equal_predictions": 0}
    both = comparison._both(mine | {"note": ONE_SEED_SET}, yours | {"note": ""})
    *_, sentence = comparison.sentences(pd.DataFrame([row | both]))
    assert sentence.strip() == (
        "cpu/net-data/impl: churn is 5 [4, 6] (conditional on one seed set) in the first and 8 [7, 9] in the second "
        "(percent)"
    )


def test_provenance_names_the_cells_with_one_seed_set():
    frame = study(1)
    assert frames.provenance(frame).endswith("; conditional on one seed set: impl, control, order, in_batch_order")
    frame.loc[(frame["task"] == "net-data") | (frame["noise"] == "order"), "seed_sets"] = 5
    assert frames.provenance(frame).endswith(
        "; 5 seed sets where seeds are held; conditional on one seed set: impl, control, in_batch_order of net_bn-data "
        "on cpu"
    )
    frame.loc[frame["noise"] == "impl", "seed_sets"] = 1
    assert frames.provenance(frame).endswith(
        "; conditional on one seed set: impl and control, in_batch_order of net_bn-data on cpu"
    )
    free = metrics_frame(noise=("algo_impl", "algo"))
    assert frames.provenance(free).endswith("; torch 9")


def test_metrics_of_earlier_versions_say_it_too(tmp_path):
    """They do not state the number of seed sets, but intervals over sets show that there were several."""
    old = frames.load_metrics(ROOT / "tests/common/metrics_version2.csv")
    assert frames.provenance(old).endswith("; conditional on one seed set: impl, control")
    several = pd.read_csv(ROOT / "tests/common/metrics_version2.csv")
    chosen = (several["noise"] == "impl") & (several["metric"] == "accuracy_mean")
    several.loc[chosen, "interval"] = "t over sets"
    several.to_csv(tmp_path / "metrics.csv", index=False)
    assert frames.provenance(frames.load_metrics(tmp_path / "metrics.csv")).endswith("one seed set: control")


def test_footers_of_figures_stay_inside_the_figure():
    frame = study(1)
    frame.loc[frame["task"] == "net-data", "seed_sets"] = 5
    figure = registry.FIGURES["figure_1"].make(frame.assign(versions="torch 2.12.1+cu130, Python 3.13.5"))
    figure.canvas.draw()
    footer = figure.get_supxlabel()
    box = next(text for text in figure.texts if text.get_text() == footer).get_window_extent()
    assert "\n" in footer and box.x0 >= 0 and box.x1 <= figure.bbox.x1
