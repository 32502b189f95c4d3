"""docs/artifact.md is true: its commands are run as an evaluator types them, and say what stands there."""

import shutil
from pathlib import Path

import pytest
from conftest import clone, run
from pages import missing, steps

EXPERIMENTS = steps("artifact.md", "## Experiments", "## Customisation")


@pytest.fixture(scope="session")
def after_e1(quick, tmp_path_factory) -> Path:
    """A clone in which E1 was just run."""
    folder = clone(tmp_path_factory.mktemp("clone"))
    for name in ("results", "resources", ".snakemake"):
        shutil.copytree(quick / name, folder / name, symlinks=True)
    return folder


@pytest.mark.slow
@pytest.mark.release
@pytest.mark.parametrize(("commands", "expected"), EXPERIMENTS, ids=lambda text: text.splitlines()[0][:60])
def test_an_experiment_says_what_stands_there(after_e1, commands, expected):
    done = run("bash", "-ec", commands, cwd=after_e1, PYTHONPATH=str(after_e1 / "workflow"))
    assert done.returncode == 0, done.stdout
    assert not missing(expected, done.stdout), done.stdout


def test_every_experiment_has_an_output():
    assert EXPERIMENTS and all(expected for _, expected in EXPERIMENTS)


def test_a_line_that_does_not_come_is_missed():
    assert missing("a … c\nd\n", "a 5 c\nd\n") == []
    assert missing("a … c\nd\n", "a 5 b\nd\n") == ["a … c"]
