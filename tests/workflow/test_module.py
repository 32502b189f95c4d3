"""The workflow is used from elsewhere: as a Snakemake module, and through workflow/Snakefile."""

import shutil
from pathlib import Path

import pytest
from conftest import ROOT, TINY, planned, run

#: A workflow of somebody else's, in ten lines, which names its own study and adds a rule.
OTHER = """\
configfile: "mine.yaml"


module noisegrid:
    snakefile: "{root}/workflow/Snakefile"
    config: config


use rule * from noisegrid as noisegrid_*


rule mine:
    input: "results/tiny/metrics.csv"
    output: "answer.txt"
    shell: "wc -l {{input:q}} > {{output:q}}"
"""


def test_another_workflow_uses_it_as_a_module(tmp_path):
    (tmp_path / "Snakefile").write_text(OTHER.format(root=ROOT))
    (tmp_path / "mine.yaml").write_text(f"study: {TINY}\n")
    done = run("snakemake", "answer.txt", "-n", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    plan = planned(done.stdout)
    assert plan["noisegrid_train_replicates"] == 2 and plan["noisegrid_measure_task"] == 4 and plan["mine"] == 1


def test_the_catalogs_entry_point_has_the_same_default_target(tmp_path):
    plans = [
        planned(run("snakemake", "-n", "--snakefile", ROOT / place, "--config", f"study={TINY}", cwd=tmp_path).stdout)
        for place in ("Snakefile", "workflow/Snakefile")
    ]
    assert plans[0].pop("all") == plans[1].pop("default") == 1
    assert plans[0] == plans[1] and plans[0]["train_replicates"] == 2


@pytest.mark.slow
def test_a_module_has_its_design_without_onstart(finished, tmp_path):
    """Snakemake ignores the module's onstart, which writes design.json elsewhere."""
    work = Path(shutil.copytree(finished, tmp_path / "work"))
    (work / "Snakefile").write_text(OTHER.format(root=ROOT))
    (work / "mine.yaml").write_text(f"study: {TINY}\n")
    for path in (work / "results/tiny/design.json", work / "results/tiny/cells/cpu/tiny-digits.csv"):
        path.unlink()
    before = (work / "results/tiny/metrics.csv").read_text()
    done = run("snakemake", "answer.txt", "--cores", "2", cwd=work)
    assert done.returncode == 0, done.stdout
    assert (work / "results/tiny/design.json").exists() and (work / "results/tiny/metrics.csv").read_text() == before
