"""The whole DAG on the tiny study: what it makes, and that metrics.csv alone redraws it."""

import shutil

import pandas as pd
import pytest
from conftest import TINY, metrics, planned, snakemake

from noisegrid.reporting.registry import FIGURE_SUFFIXES, TABLES, names_for
from noisegrid.study.resolve import load_study

pytestmark = pytest.mark.slow

PRODUCTS = [
    "metrics.csv",
    "overhead.csv",
    "overhead/cpu/mediumcnn_k3.json",
    "findings.md",
    "report.html",
    "provenance.html",
    *(f"figures/figure_{n}.{suffix}" for n in (1, 2, 3, 5, 6, 7, 8, "overview", "sources", "across")
      for suffix in FIGURE_SUFFIXES),
    *(f"tables/{table}.{suffix}" for table in names_for(load_study(str(TINY)), TABLES) for suffix in
      ("csv", "md", "tex", "html")),
]  # fmt: skip


def test_everything_is_made_and_nothing_is_left_to_do(finished):
    for product in PRODUCTS:
        assert (finished / "results/tiny" / product).stat().st_size > 0, product
    assert "Nothing to be done" in snakemake(finished, "-n").stdout


def test_metrics_carry_n_device_and_versions(finished):
    rows = metrics(finished)
    assert len({(row["hardware"], row["task"], row["noise"]) for row in rows}) == 18 + 3 + 3  # cpu, cpu_sse41, across
    assert all(row["n_replicates"] in "34" and row["n_examples"] == "597" for row in rows)
    assert all(row["device"] and "torch" in row["versions"] and row["unit"] for row in rows)


def test_control_is_exactly_zero_and_nothing_else_is(finished):
    for row in metrics(finished):
        if row["metric"] == "l2_raw_buffers":
            assert (float(row["value"]) == 0) == (row["noise"] == "control"), row


def test_the_same_seeds_on_other_hardware_give_other_bits_and_that_is_measured(finished):
    across = [row for row in metrics(finished) if row["hardware"] == "cpu × cpu_sse41"]
    churn = {row["noise"]: float(row["value"]) for row in across if row["metric"] == "churn_across_hardware"}
    distance = {row["noise"]: float(row["value"]) for row in across if row["metric"] == "l2_unit_across_hardware"}
    assert set(churn) == {"algo", "impl", "control"}
    # run by run the same network but for rounding; two networks of one cell are ten times as far apart
    within = next(row for row in metrics(finished) if row["metric"] == "l2_unit" and row["noise"] == "algo")
    assert all(0 < value < 0.1 * float(within["value"]) for value in distance.values())
    assert all(row["n_pairs"] == "3" for row in across)


def test_findings_name_what_they_stand_on(finished):
    text = (finished / "results/tiny/findings.md").read_text()
    assert "Control is exactly zero (bitwise equal weights) in 4 of 4 control cells" in text
    assert "n = 3 to 4 replicates per cell, 597 test examples" in text
    assert "; 2 seed sets where seeds are held; conditional on one seed set: impl, control, init, order," in text


def test_figure_2_is_about_single_hardware(finished):
    """Rows of a comparison across hardware, of both networks, are no third hardware."""
    from noisegrid.reporting.figures_noise import figure_2
    from noisegrid.reporting.metrics_frame import load_metrics

    frame = load_metrics(finished / "results/tiny/metrics.csv")
    across = frame[frame["metric"].str.endswith("_across_hardware")]
    both = pd.concat([frame, across.assign(task="tiny_bn-digits")])
    headers = [[text.get_text() for text in figure_2(part).axes[0].texts] for part in (both, frame)]
    assert headers[0] == headers[1] and len(headers[0]) == 1


def test_redraw_needs_no_training(finished, tmp_path):
    """With metrics.csv alone - no replicates, no .snakemake - every figure and table is planned, and nothing else."""
    (tmp_path / "results/tiny").mkdir(parents=True)
    for name in ("metrics.csv", "overhead.csv"):
        shutil.copy(finished / "results/tiny" / name, tmp_path / "results/tiny")
    figures = [f"results/tiny/figures/figure_{figure}.pdf" for figure in (1, 2, 3, 6, 7)]
    assert planned(snakemake(tmp_path, *figures, "-n").stdout) == {"draw_figures": 1}
    assert set(planned(snakemake(tmp_path, "-n").stdout)) == {
        "all", "draw_figures", "write_tables", "write_report", "write_provenance",
    }  # fmt: skip
    assert snakemake(tmp_path, "results/tiny/figures/figure_2.pdf").returncode == 0
    redrawn, drawn = (f / "results/tiny/figures/figure_2.pdf" for f in (tmp_path, finished))
    assert redrawn.read_bytes() == drawn.read_bytes()
