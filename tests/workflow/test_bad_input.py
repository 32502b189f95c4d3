"""Bad input is refused in one sentence before any work."""

import pytest
from conftest import ROOT, TINY, planned, run, snakemake

pytestmark = pytest.mark.slow


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


def test_the_papers_grid_plans_and_says_what_it_lacks(tmp_path):
    plan = planned(snakemake(tmp_path, "-n", study="paper").stdout)
    assert plan["measure_task"] == 10 and plan["prepare_dataset"] == 4
    done = snakemake(tmp_path, study="paper")
    assert done.returncode == 1
    assert "the licence of CelebA forbids automatic download; download celeba/img_align_celeba" in done.stdout
    assert not (tmp_path / "resources").exists()


def test_hardware_that_this_machine_lacks_stops_before_any_work(tmp_path):
    study = tmp_path / "gpu.yaml"
    study.write_text(TINY.read_text().replace("hardware: [cpu]", "hardware: [h200]"))
    done = snakemake(tmp_path, study=study)
    assert done.returncode == 1
    assert "hardware h200 requires GPU model H200, but this machine has" in done.stdout
    assert not (tmp_path / "resources").exists()
