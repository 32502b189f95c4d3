"""The whole DAG on a tiny study, as a user runs it: products, reruns, redraws, and bad input before any work."""

import csv
import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT, TINY, run, snakemake

from noisegrid.design.seeds import derive_seeds
from noisegrid.plan import COST_TABLES, TABLES

pytestmark = pytest.mark.slow

PRODUCTS = [
    "metrics.csv",
    "cost.csv",
    "cost/cpu/mediumcnn_k3.json",
    "findings.md",
    "report.html",
    *(f"figures/figure_{n}.{suffix}" for n in (1, 2, 3, 5, 6, 7, 8, "sources", "across") for suffix in ("pdf", "png")),
    *(f"tables/{table}.{suffix}" for table in (*TABLES, *COST_TABLES) for suffix in
      ("csv", "md", "tex", "html")),
]  # fmt: skip


def planned(output: str) -> dict[str, int]:
    """Jobs that a dry run plans, by rule."""
    table = re.search(r"Job stats:\n.*?\n(?:-+ +-+)\n(.*?)\n\n", output + "\n\n", re.S)
    rows = [line.split() for line in table.group(1).splitlines()] if table else []
    return {rule: int(count) for rule, count in rows if rule != "total"}


def metrics(folder: Path, study: str = "tiny") -> list[dict[str, str]]:
    with (folder / "results" / study / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


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
    assert 0 < distance["control"] < 0.1 < 1  # one network on each, not the same one
    assert all(row["n_pairs"] == "3" for row in across)


def test_findings_name_what_they_stand_on(finished):
    text = (finished / "results/tiny/findings.md").read_text()
    assert "Control is exactly zero (bitwise equal weights) in 4 of 4 control cells" in text
    assert "n = 3 to 4 replicates per cell, 597 test images" in text


def test_figure_2_is_about_single_hardware(finished):
    """Rows of a comparison across hardware, of both networks, are no third hardware."""
    from noisegrid.analysis.longform import load_metrics
    from noisegrid.figures import figure_2

    frame = load_metrics(finished / "results/tiny/metrics.csv")
    across = frame[frame["metric"].str.endswith("_across_hardware")]
    both = pd.concat([frame, across.assign(task="tiny_bn-digits")])
    assert len(figure_2(both).axes) == len(figure_2(frame).axes) == 3


def test_redraw_needs_no_training(finished, tmp_path):
    """With metrics.csv alone - no replicates, no .snakemake - every figure and table is planned, and nothing else."""
    (tmp_path / "results/tiny").mkdir(parents=True)
    for name in ("metrics.csv", "cost.csv"):
        shutil.copy(finished / "results/tiny" / name, tmp_path / "results/tiny")
    for figure in (1, 2, 3, 6, 7):
        plan = planned(snakemake(tmp_path, f"results/tiny/figures/figure_{figure}.pdf", "-n").stdout)
        assert plan == {"draw_figure": 1}
    assert set(planned(snakemake(tmp_path, "-n").stdout)) == {
        "all", "draw_figure", "write_findings", "write_cell_pages", "write_tables", "write_report",
    }  # fmt: skip
    assert snakemake(tmp_path, "results/tiny/figures/figure_2.pdf").returncode == 0
    redrawn, drawn = (f / "results/tiny/figures/figure_2.pdf" for f in (tmp_path, finished))
    assert redrawn.read_bytes() == drawn.read_bytes()


def test_control_that_differs_stops_the_run_and_names_the_two(copy_of_finished):
    """A control replicate that is another network: planted by moving one from an `order` cell, with its record."""
    from noisegrid.design.study import digest

    cell = copy_of_finished / "results/tiny/replicates/cpu/tiny-digits"
    shutil.rmtree(cell / "control/2")
    shutil.copytree(cell / "order/2", cell / "control/2")
    record = json.loads((cell / "control/2/record.json").read_text())
    control = json.loads((cell / "control/1/record.json").read_text())
    record |= {key: control[key] for key in ("cell", "settings", "settings_digest")}
    record["record_digest"] = digest({key: value for key, value in record.items() if key != "record_digest"})
    (cell / "control/2/record.json").write_text(json.dumps(record))
    batch = copy_of_finished / "results/tiny/batches/cpu/tiny-digits/0-3.json"
    content = json.loads(batch.read_text())
    content["cells"]["control"]["weight_hashes"]["2"] = record["weight_hash"]
    batch.write_text(json.dumps(content))
    done = snakemake(copy_of_finished)
    assert done.returncode != 0
    assert "control/0 and results/tiny/replicates/cpu/tiny-digits/control/2 differ in weight_hash" in done.stdout


def test_a_missing_replicate_is_trained_again_to_the_same_bits(copy_of_finished):
    results = copy_of_finished / "results/tiny"
    before = (results / "metrics.csv").read_bytes()
    shutil.rmtree(results / "replicates/cpu/tiny_bn-digits/algo/1")
    (results / "batches/cpu/tiny_bn-digits/0-2.json").unlink()
    done = snakemake(copy_of_finished, "results/tiny/batches/cpu/tiny_bn-digits/0-2.json")
    assert done.returncode == 0, done.stdout
    done = snakemake(copy_of_finished)
    assert done.returncode == 0, done.stdout
    assert (results / "metrics.csv").read_bytes() == before
    log = (results / "logs/batches/cpu/tiny_bn-digits/0-2.log").read_text()
    assert re.findall(r"replicate (\d) of (\S+):", log) == [("1", "cpu/tiny_bn-digits/algo")]


def test_more_replicates_train_only_the_new_ones(copy_of_finished):
    study = copy_of_finished / "more.yaml"
    study.write_text(TINY.read_text().replace("replicates: 3", "replicates: 5"))
    done = snakemake(copy_of_finished, "results/tiny/cells/cpu/tiny-digits/algo.csv", study=study)
    assert done.returncode == 0, done.stdout
    log = (copy_of_finished / "results/tiny/logs/batches/cpu/tiny-digits/0-4.log").read_text()
    assert set(re.findall(r"replicate (\d) of", log)) == {"3", "4"}


def test_results_of_other_settings_are_refused_before_any_work(copy_of_finished):
    study = copy_of_finished / "other.yaml"
    study.write_text(TINY.read_text().replace("epochs: 2", "epochs: 3"))
    done = snakemake(copy_of_finished, study=study)
    assert done.returncode == 1
    assert "task.epochs: 2 -> 3" in done.stdout and "give the study another name" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config", "study=quik"], "noisegrid: study: unknown study 'quik'; did you mean 'quick'?"),
        (["--config", "studdy=quick"], "noisegrid: config: unknown key 'studdy'; did you mean 'study'?"),
        (["--config", "replicates_per_job=0"], "0 is less than the minimum of 1"),
        (["--config", "study=fashion", "dataset_folders={'fashion_mnist': 'no/such'}"], "there is no folder no/such"),
    ],
)
def test_bad_input_is_one_line_and_no_traceback(tmp_path, arguments, message):
    done = run(
        "snakemake",
        "--snakefile",
        ROOT / "Snakefile",
        "--directory",
        tmp_path,
        "--cores",
        "1",
        *arguments,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert message in done.stdout
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "results").exists()


def test_lint_finds_nothing(tmp_path):
    done = run("snakemake", "--lint", "--snakefile", ROOT / "Snakefile", "--directory", tmp_path, cwd=tmp_path)
    assert "Congratulations, your workflow is in a good condition!" in done.stdout, done.stdout


def test_the_worked_example_with_an_own_network_and_dataset(tmp_path):
    """docs/example as a user runs it: attributes, sub-groups and Figure 4 included."""
    for name in ("own.py", "study.yaml"):
        shutil.copy(ROOT / "docs/example" / name, tmp_path)
    done = snakemake(tmp_path, study="study.yaml")
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "results/own/figures/figure_4.png").exists()
    rows = metrics(tmp_path, "own")
    sizes = {row["group"]: float(row["value"]) for row in rows if row["metric"] == "group_positives"}
    assert sizes["thin"] + sizes["bold"] == sizes["all"]
    assert {row["group"] for row in rows if row["metric"] == "class_accuracy_std"} == {"class 0", "class 1", "class 2"}
    claims = (tmp_path / "results/own/tables/claims.csv").read_text()
    assert re.search(r"C5,.*thin \(fewest positives\) in mlp-traits", claims)


def test_a_replicate_that_fails_is_named_with_its_reason(tmp_path):
    (tmp_path / "own.py").write_text("def net(classes, channels, size):\n    raise ValueError('no such layer')\n")
    block = {"hardware": ["cpu"], "tasks": ["own-digits"], "noise": ["control"], "replicates": 2}
    tasks = {"own-digits": {"like": "smallcnn-digits", "network": "own:net"}}
    study = {"name": "failing", "seed": 1, "cells": [block], "tasks": tasks}
    (tmp_path / "study.yaml").write_text(json.dumps(study))
    done = snakemake(tmp_path, study="study.yaml")
    assert done.returncode != 0
    assert (
        "failed: replicate 1 of cpu/own-digits/control: NoisegridError: network own:net could not be built"
        in done.stdout
    )
    assert "failing: 0 of 1 cells and 0 of 2 replicates done; 0 running, 2 failed" in done.stdout


def test_failures_can_be_accepted_and_made_good_later(tmp_path):
    """Replicate 1 of three fails as long as a file is there: tables say n = 2, and then 3."""
    (tmp_path / "own.py").write_text(
        "import pathlib, torch\n"
        "from noisegrid.networks import small_cnn\n"
        "def net(classes, channels, size):\n"
        "    if pathlib.Path('broken').exists() and torch.initial_seed() == int(pathlib.Path('broken').read_text()):\n"
        "        raise ValueError('no such layer')\n"
        "    return small_cnn(classes, channels, size, batch_norm=False)\n"
    )
    block = {"hardware": ["cpu"], "tasks": ["own-digits"], "noise": ["init"], "replicates": 3}
    tasks = {"own-digits": {"like": "smallcnn-digits", "network": "own:net", "epochs": 1, "schedule": []}}
    (tmp_path / "study.yaml").write_text(json.dumps({"name": "some", "seed": 1, "cells": [block], "tasks": tasks}))
    (tmp_path / "broken").write_text(str(derive_seeds(1, "own-digits", "init", 1)["init"]))
    cell = "results/some/cells/cpu/own-digits/init.csv"
    assert snakemake(tmp_path, cell, study="study.yaml").returncode == 1
    done = snakemake(tmp_path, cell, study="study.yaml", accept_failures=True)
    assert done.returncode == 0, done.stdout
    with (tmp_path / cell).open() as file:
        rows = list(csv.DictReader(file))
    assert {row["n_replicates"] for row in rows} == {"2"}
    assert [row["value"] for row in rows if row["metric"] == "replicates_failed"] == ["1"]
    (tmp_path / "broken").unlink()
    done = snakemake(tmp_path, cell, study="study.yaml")
    assert done.returncode == 0, done.stdout
    with (tmp_path / cell).open() as file:
        assert {row["n_replicates"] for row in csv.DictReader(file)} == {"3"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("own:mlp", "own:mpl"), "unknown function 'mpl'; did you mean 'mlp'?"),
        (("own:mlp", "owm:mlp"), "there is no module 'owm'"),
        (("read: own:digit_traits", "read: own:digits"), "datasets.traits.read"),
    ],
)
def test_an_own_module_that_is_not_there_is_named_before_any_work(tmp_path, change, message):
    shutil.copy(ROOT / "docs/example/own.py", tmp_path)
    (tmp_path / "study.yaml").write_text((ROOT / "docs/example/study.yaml").read_text().replace(*change))
    done = snakemake(tmp_path, study="study.yaml")
    assert done.returncode == 1
    assert message in done.stdout and "Traceback" not in done.stdout
    assert not (tmp_path / "results").exists()


def test_the_papers_grid_plans_and_says_what_it_lacks(tmp_path):
    plan = planned(snakemake(tmp_path, "-n", study="paper").stdout)
    assert plan["measure_cell"] == 40 and plan["prepare_dataset"] == 4
    done = snakemake(tmp_path, study="paper")
    assert done.returncode == 1
    assert "CelebA may not be downloaded by a program; get celeba/img_align_celeba" in done.stdout
    assert not (tmp_path / "resources").exists()


def test_hardware_that_this_machine_lacks_stops_before_any_work(tmp_path):
    study = tmp_path / "gpu.yaml"
    study.write_text(TINY.read_text().replace("hardware: [cpu]", "hardware: [h200]"))
    done = snakemake(tmp_path, study=study)
    assert done.returncode == 1
    assert "hardware h200 needs a H200, and this machine has" in done.stdout
    assert not (tmp_path / "resources").exists()


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
