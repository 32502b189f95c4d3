"""The command with which `noisegrid run` calls Snakemake."""

import sys

import pytest
from conftest import ROOT
from factories import cells, study, write_study

from noisegrid.common.errors import NoisegridError
from noisegrid.planning import run

FIXED = ["--snakefile", f"{ROOT}/Snakefile", "--workflow-profile", f"{ROOT}/profiles/default"]


@pytest.fixture(autouse=True)
def pinned(monkeypatch) -> None:
    """An environment with the PyTorch of a pinned stack."""
    monkeypatch.setattr(run, "packages", lambda: {"torch": "2.12.1+cu130"})


@pytest.mark.parametrize(
    ("study", "options", "words"),
    [
        (None, [], FIXED),
        ("quick", ["-n"], ["-n", *FIXED, "--config", "study=quick"]),
        ("quick", ["--config", "results=r", "-n"], ["--config", "study=quick", "results=r", "-n", *FIXED]),
        ("quick", ["--profile", "slurm"], ["--profile", f"{ROOT}/slurm", *FIXED, "--config", "study=quick"]),
        ("quick", ["--profile", "mine"], ["--profile", "mine", *FIXED, "--config", "study=quick"]),
    ],
)
def test_options_and_study_reach_snakemake(study, options, words):
    assert run.command(study, options) == [sys.executable, "-m", "snakemake", *words]


@pytest.mark.parametrize(
    ("torch", "options", "expected"),
    [
        ("2.12.1+cu130", [], False),
        ("2.14.1+cu130", [], True),
        ("2.13.0", [], True),
        ("2.8.0a0+nv25", [], True),
        ("2.13.0", ["--sdm", "apptainer"], False),
        ("2.13.0", ["--config", "stack=torch2.7-cu126"], False),
        (None, [], False),
    ],
)
def test_a_pytorch_that_is_not_pinned_is_used_as_it_is_installed(monkeypatch, capsys, torch, options, expected):
    monkeypatch.setattr(run, "packages", lambda: {"torch": torch} if torch else {})
    assert ("stack=here" in run.command("quick", options)) == expected
    assert ("so the study runs with stack=here" in capsys.readouterr().err) == expected


def test_a_pytorch_without_kernels_for_the_gpus_is_refused_before_anything_starts(monkeypatch):
    """The paper's V100 needs compute capability 7.0, which PyTorch 2.12 has no kernels for."""
    with pytest.raises(NoisegridError, match=r"hardware v100: PyTorch 2.12.1 is installed, .* 7.0; install .*cu126"):
        run.command("paper", [])
    assert run.command("paper", ["--sdm", "apptainer"])[-1] == "study=paper"
    monkeypatch.setattr(run, "packages", lambda: {"torch": "2.7.1"})
    assert run.command("paper", [])[-1] == "study=paper"


def test_a_mistake_in_the_study_is_left_to_snakemake(monkeypatch):
    monkeypatch.setattr(run, "packages", lambda: {"torch": "2.13.0"})
    assert run.command("quik", [])[-1] == "study=quik"


def test_hardware_that_names_its_stack_keeps_it(monkeypatch, tmp_path):
    monkeypatch.setattr(run, "packages", lambda: {"torch": "2.7.1"})
    path = write_study(tmp_path, study(cells(hardware="cpu@torch2.7-cu126")))
    assert run.command(str(path), [])[-1] == f"study={path}"
