"""What is made again after an edit of the code or of a catalog: what the edit concerns, and nothing else."""

import shutil
from pathlib import Path

import pytest
from conftest import clone, planned, snakemake

pytestmark = pytest.mark.slow

REDRAWN = {"all", "write_tables", "draw_figures", "write_report", "write_provenance"}
MEASURED = REDRAWN | {"measure_task", "compare_hardware", "collect_metrics"}
NEW_NETWORK = """

def one_layer(classes: int, channels: int, size: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * size * size, classes))
"""
#: For each kind of edit: the file, the old text (empty: append), the new text, and the rules that run again.
EDITS = {
    "a claim's text": ("workflow/catalog/claims.yaml", "claim: ", "claim: In short, ", REDRAWN),
    "a title of hardware": ("workflow/catalog/hardware.yaml", "title: V100,", "title: Volta,", REDRAWN),
    "a title of a network": ("workflow/catalog/networks.yaml", "title: ", "title: The ", REDRAWN),
    "a caption of a table": ("workflow/noisegrid/reporting/registry.py", "Accuracy and noise", "The noise", REDRAWN),
    "a caption of a figure": (
        "workflow/report/figures/figure_2.rst",
        "",
        " More.\n",
        {"all", "write_report", "write_provenance"},
    ),
    "a caption of Snakemake's report": ("workflow/report/cells.rst", "", " More.\n", {"all", "write_provenance"}),
    "the style of the report": ("workflow/report/page/style.css", "", "/* more */\n", {"all", "write_report"}),
    "a comment": ("workflow/noisegrid/stats/intervals.py", "", "# a remark\n", set()),
    "a statistic": ("workflow/noisegrid/stats/intervals.py", "", "CONSTANT = 1\n", MEASURED),
    "an addition to training": ("workflow/noisegrid/networks/paper.py", "", NEW_NETWORK, set()),
    "a deviation": ("workflow/catalog/tasks.yaml", "deviations:\n", "deviations:\n    - one more\n", REDRAWN),  # titles
    "the README": ("README.md", "", "More.\n", set()),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    return clone(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def study(finished, tmp_path_factory) -> Path:
    return Path(shutil.copytree(finished, tmp_path_factory.mktemp("stale") / "study"))


@pytest.mark.parametrize("kind", EDITS)
def test_an_edit_runs_again_what_it_concerns(tree, study, kind):
    name, old, new, rules = EDITS[kind]
    path = tree / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1) if old else text + new)
    try:
        done = snakemake(study, "-n", root=tree)
    finally:
        path.write_text(text)
    assert done.returncode == 0, done.stdout
    assert set(planned(done.stdout)) == rules, done.stdout
