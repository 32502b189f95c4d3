"""The wheel: what it holds, and that it runs outside of any clone, with the base installation and with every extra."""

import json
import tomllib
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT, TINY, Once, environment, shell
from factories import PAIR, write_study

import noisegrid
from noisegrid.crate.write import CODE, code_files

pytestmark = pytest.mark.slow

#: What a working tree has and a wheel does not.
NOT_INSTALLED = ("pyproject.toml", "Makefile", "README.md", "CHANGELOG.md", "docs")
#: Megabytes that the base installation may take, without pip.
LARGEST_BASE = 250


@pytest.fixture(scope="session")
def base(once: Once, wheel: Path) -> Path:
    """Commands of an environment with the base installation."""
    return once("base", lambda folder: environment(folder / "venv", wheel)) / "venv/bin"


def test_the_wheel_holds_all_that_the_workflow_reads(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in code_files():
        place = name.removeprefix("workflow/") if name.startswith("workflow/noisegrid/") else f"noisegrid/share/{name}"
        installed = not name.startswith(NOT_INSTALLED)
        assert (place in names) == installed, name
    assert set(NOT_INSTALLED) < set(CODE)


def test_the_wheel_has_the_plugin_of_pytest(full, tmp_path):
    (tmp_path / "test_own.py").write_text("def test_it(noise_floor):\n    assert noise_floor([1, 2, 3]).smallest > 0\n")
    done = shell(full / "python", "-m", "pytest", "--noisegrid-deep", cwd=tmp_path)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout


def test_the_base_installation_is_small_and_plans(base, tmp_path):
    site = next((base.parent / "lib").glob("python*/site-packages"))
    sizes = {path.name: sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) for path in site.iterdir()}
    assert sum(size for name, size in sizes.items() if not name.startswith(("pip", "setuptools"))) < LARGEST_BASE * 1e6
    assert not {"torch", "snakemake", "pandas", "matplotlib"} & sizes.keys()
    for arguments, line in (
        (["--version"], f"noisegrid {noisegrid.__version__}"),
        (["init", "mine"], "wrote mine.yaml"),
        (["check", "mine.yaml"], "mine.yaml: no mistakes"),
        (["check", "quick"], "quick: no mistakes; 18 cells, 197 replicates"),
        (["plan", "quick"], "18 cells, 197 replicates in 5 training jobs"),
        (["status", "quick"], "results/quick yet; if the study has run, call this command where it ran"),
    ):
        done = shell(base / "noisegrid", *arguments, cwd=tmp_path)
        assert done.returncode == 0 and line in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "quick"], "run needs the package snakemake; install it with: pip install 'noisegrid[train,workflow]'"),
        (["verify", "a.zip"], "verify needs the package rocrate; install it with: pip install 'noisegrid[report]'"),
        (["replay", "record.json"], "replay needs the package torch; install it with: pip install 'noisegrid[train]'"),
    ],
)
def test_a_missing_extra_is_named_in_one_sentence(base, tmp_path, arguments, message):
    (tmp_path / "record.json").touch()
    done = shell(base / "noisegrid", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, f"noisegrid: {message}\n")


def test_a_study_runs_outside_of_any_clone(full, tmp_path):
    study = write_study(tmp_path, PAIR)
    for target in ((), ("package",)):
        done = shell(full / "noisegrid", "run", study.name, "--", "--cores", "2", *target, cwd=tmp_path)
        assert done.returncode == 0, done.stdout
    where = shell(full / "python", "-c", "import noisegrid; print(noisegrid.__file__)", cwd=tmp_path).stdout
    assert where.startswith(str(full.parent))
    records = [json.loads(path.read_text()) for path in (tmp_path / "results").rglob("record.json")]
    assert len(records) == 6
    for record in records:
        assert record["noisegrid"] == noisegrid.__version__
        code = record["code"]
        assert code["git_commit"] is None and len(code["wheel_digest"]) == 16
    done = shell(full / "noisegrid", "verify", "results/pair/pair.crate.zip", cwd=tmp_path)
    assert done.returncode == 0 and "pair.crate.zip: same" in done.stdout, done.stdout


@pytest.mark.release
def test_the_lowest_versions_that_are_allowed_work(wheel, tmp_path):
    """Of the extras report and workflow: the unit tests of statistics and reporting, and a dry run."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    bounds = [*project["dependencies"], *extras["report"], *extras["workflow"]]
    lowest = tmp_path / "lowest.txt"
    lowest.write_text("\n".join(bound.replace(">=", "==") for bound in bounds if ">=" in bound))
    commands = environment(
        tmp_path / "venv", f"{wheel}[report,workflow]", "--constraint", lowest, "pytest", "hypothesis", "filelock"
    )
    tests = [ROOT / "tests" / name for name in ("stats", "reporting/test_tables.py", "reporting/test_figures.py")]
    options = ["-q", "-p", "no:cacheprovider", "-m", "not slow"]
    done = shell(commands / "python", "-m", "pytest", *options, *tests, cwd=ROOT)
    assert done.returncode == 0, done.stdout
    done = shell(commands / "noisegrid", "run", TINY, "--", "-n", cwd=tmp_path)
    assert done.returncode == 0 and "train_replicates" in done.stdout, done.stdout
