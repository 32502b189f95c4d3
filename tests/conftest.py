"""What tests share: the repository, how commands are run, and one finished tiny study."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from noisegrid.package import code_files

ROOT = Path(__file__).resolve().parent.parent
TINY = ROOT / "tests" / "tiny.yaml"

#: Four replicates that take some seconds each: time enough to disturb them.
LONG = """
name: long
seed: 1
cells:
  - {hardware: [cpu], tasks: [long-digits], noise: [algo, control], replicates: 2}
tasks:
  long-digits: {like: smallcnn_dropout-digits, epochs: 40}
"""
#: What two runs of a study have in common to the last byte: all that is not timed.
UNTIMED = ("metrics.csv", "tables/noise.csv", "tables/difference.csv", "tables/classes.csv")
LONG_TABLES = tuple(f"results/long/{name}" for name in UNTIMED)

Run = Callable[..., subprocess.CompletedProcess[str]]


def run(*command: object, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of this Python's environment to its end; stdout and stderr together in `stdout`."""
    paths = {"PYTHONPATH": str(ROOT / "workflow"), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **paths, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def noisegrid(
    module: str, *arguments: object, cwd: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`python -m noisegrid.<module>` as a user types it."""
    return run(sys.executable, "-m", f"noisegrid.{module}", *arguments, cwd=cwd, **environment)


def snakemake(
    folder: Path, *arguments: object, study: object = TINY, root: Path = ROOT, **config: object
) -> subprocess.CompletedProcess[str]:
    """Snakemake on this repository's Snakefile (or a clone's, at `root`), with `folder` as working directory."""
    command = ["snakemake", *arguments, "--snakefile", root / "Snakefile", "--directory", folder]
    profile = ["--workflow-profile", root / "profiles" / "default"]
    return run(
        *command,
        *profile,
        "--config",
        *(f"{key}={value}" for key, value in {"study": study, **config}.items()),
        cwd=folder,
    )


@pytest.fixture(scope="session")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the prepared digits."""
    folder = tmp_path_factory.mktemp("datasets")
    done = noisegrid("datasets", "--dataset", "digits", "--output", folder / "digits" / "manifest.json")
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Working directory of a whole tiny study, run by Snakemake once for all tests. Read only: copy it to change it."""
    folder = tmp_path_factory.mktemp("finished")
    done = snakemake(folder)
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Working directory of the whole quick study, some minutes of two cores. Read only."""
    folder = tmp_path_factory.mktemp("quick")
    done = snakemake(folder, study="quick")
    assert done.returncode == 0, done.stdout
    return folder


def clone(folder: Path) -> Path:
    """A copy of the working tree's own files, as a fresh clone has them, with changes that are not committed."""
    for path in code_files():
        place = folder / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    return folder


def hashes(folder: Path, study: str) -> dict[str, str]:
    """Weight hash of every replicate, by its place below the study's replicates."""
    root = folder / "results" / study / "replicates"
    return {
        str(path.parent.relative_to(root)): json.loads(path.read_text())["weight_hash"]
        for path in root.rglob("record.json")
    }


def outcome(folder: Path, study: str) -> dict[str, str]:
    """What a study came to: the weight hash of every replicate, and its final tables."""
    tables = {name: (folder / "results" / study / name).read_text() for name in UNTIMED}
    return hashes(folder, study) | tables


@pytest.fixture
def copy_of_finished(finished: Path, tmp_path: Path) -> Path:
    """The finished tiny study, to be changed."""
    return Path(shutil.copytree(finished, tmp_path / "study"))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Headless Chromium with a profile of its own. On CI it must be there; elsewhere the test says what it lacks."""
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if binary is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing on CI: .ci/run installs it")
        pytest.skip("Chromium is not installed")
    profile = tmp_path_factory.mktemp("chromium")
    quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    return [
        binary,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        *quiet,
        f"--user-data-dir={profile}",
    ]
