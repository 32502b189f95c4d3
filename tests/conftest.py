"""What tests share: the repository, how commands are run, and studies that are run once for all tests."""

import csv
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import sysconfig
import termios
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

# A deadline would make property tests fail on a busy machine.
settings.register_profile("noisegrid", deadline=None)
settings.load_profile("noisegrid")

# Tests run side by side (pytest -n 2): each computes on one thread.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
# Where a command sets two threads itself, a thread that waits for the other one leaves its core to the other tests.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

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
    # packages can be in a folder of PYTHONPATH (benchmarks/gpu_campaign/README.md)
    path = os.pathsep.join(filter(None, [str(ROOT / "workflow"), os.environ.get("PYTHONPATH", "")]))
    paths = {"PYTHONPATH": path, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **paths, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def noisegrid(*arguments: object, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `noisegrid SUBCOMMAND ...` as a user types it."""
    return run(sys.executable, "-m", "noisegrid", *arguments, cwd=cwd, **environment)


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


def in_terminal(folder: Path, *command: object, columns: int = 100) -> tuple[int, str]:
    """Run a command on a terminal of its own; return its exit code and what the terminal was sent."""
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "workflow")}
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, columns))
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=folder,
        env=os.environ | environment | {"TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    sent = b""
    with suppress(OSError):  # the end of what is sent, once no process has the terminal any more
        while found := os.read(ours, 1 << 16):
            sent += found
    os.close(ours)
    return process.wait(), sent.decode()


Said = Callable[..., tuple[int, str]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Call a function of the command line, and return the exit code and what it printed."""

    def call(function: Callable[[], int | None]) -> tuple[int, str]:
        try:
            code = function() or 0
        except SystemExit as error:
            print(error.code)
            code = 1
        out, err = capsys.readouterr()
        return code, out + err

    return call


Once = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Fill a folder once per session, even if pytest-xdist spreads the session over several processes.

    The first process that asks fills the folder, the others wait for it. If filling fails, it fails for all.
    """
    base = tmp_path_factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def fill(name: str, make: Callable[[Path], object]) -> Path:
        folder, outcome = root / name, root / f"{name}.outcome"
        with FileLock(root / f"{name}.lock"):
            if not outcome.exists():
                folder.mkdir()
                try:
                    make(folder)
                except BaseException as error:
                    outcome.write_text(
                        f"{name} could not be made, see the first test that asked for it: {error}"[:9999]
                    )
                    raise
                outcome.touch()
        assert not outcome.read_text(), outcome.read_text()
        return folder

    return fill


@pytest.fixture(scope="session")
def datasets(once: Once) -> Path:
    """Folder with the prepared digits."""

    def make(folder: Path) -> None:
        done = noisegrid("prepare-dataset", "digits", "--output", folder / "digits" / "manifest.json")
        assert done.returncode == 0, done.stdout

    return once("datasets", make)


def run_study(folder: Path, *targets: str, study: object = TINY) -> None:
    """Run a study to its end."""
    done = snakemake(folder, *targets, study=study)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="session")
def finished(once: Once) -> Path:
    """Working directory of the whole tiny study. Read only: copy it to change it."""
    return once("finished", run_study)


@pytest.fixture(scope="session")
def quick(once: Once) -> Path:
    """Working directory of the whole quick study, some minutes of two cores. Read only."""
    return once("quick", lambda folder: run_study(folder, study="quick"))


@pytest.fixture(scope="session")
def undisturbed(once: Once) -> Path:
    """Working directory of the study LONG, run without any fault on a terminal. Read only.

    What the terminal was sent is in terminal.txt.
    """

    def make(folder: Path) -> None:
        (folder / "long.yaml").write_text(LONG)
        words = [sys.executable, "-m", "noisegrid", "run", "long.yaml", "--", *LONG_TABLES]
        code, sent = in_terminal(folder, *words)
        (folder / "terminal.txt").write_text(sent)
        assert code == 0, sent

    return once("undisturbed", make)


@pytest.fixture(scope="session")
def package(once: Once) -> Path:
    """The package of a finished study of two cells. Read only."""
    from factories import packed

    return once("packed", packed) / "results/pair/pair.crate.zip"


def shell(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command without anything of this repository in its environment."""
    kept = {
        name: os.environ[name] for name in ("HOME", "LANG", "PIP_INDEX_URL", "PIP_CONFIG_FILE") if name in os.environ
    }
    environment = kept | {"PATH": os.environ["PATH"]}
    words = [str(word) for word in command]
    return subprocess.run(
        words, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


@pytest.fixture(scope="session")
def wheel(once: Once) -> Path:
    """The wheel of this working tree's source archive, built with the pinned build backend and without a network."""

    def build(folder: Path) -> None:
        done = shell(sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", folder, cwd=ROOT)
        assert done.returncode == 0, done.stdout
        (sources,) = folder.glob("noisegrid-*.tar.gz")
        options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder]
        done = shell(sys.executable, "-m", "pip", "wheel", *options, sources, cwd=folder)
        assert done.returncode == 0, done.stdout

    (path,) = once("wheel", build).glob("*.whl")
    return path


def environment(folder: Path, *packages: object) -> Path:
    """Make an environment with these packages, and return its folder of commands."""
    for command in (["-m", "venv", folder], [folder / "bin/python", "-m", "pip", "install", "--quiet", *packages]):
        words = [sys.executable, *command] if command[0] == "-m" else command
        done = shell(*words, cwd=folder.parent)
        assert done.returncode == 0, done.stdout
    return folder / "bin"


@pytest.fixture(scope="session")
def full(once: Once, wheel: Path) -> Path:
    """Commands of an environment with the wheel and all that this environment has, but not this working tree."""

    def make(folder: Path) -> None:
        commands = environment(folder / "venv", "--no-deps", wheel)
        (site,) = (folder / "venv/lib").glob("python*/site-packages")
        # a path in a .pth file is searched, but the .pth files in it, such as that of this working tree, are not read
        (site / "pinned.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
        assert shell(commands / "python", "-c", "import torch, snakemake", cwd=folder).returncode == 0

    return once("full", make) / "venv/bin"


#: Fixtures that take long, the longest first.
HEAVY = ("quick", "under_way", "inside", "package", "finished", "undisturbed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the files whose tests wait for the heaviest studies."""
    # by file, as pytest-xdist hands them out; its loadgroup does not work with pytest 9.2 (pytest-xdist 1386)
    weights = dict[Path, int]()
    for item in items:
        names = getattr(item, "fixturenames", ())
        weight = next((place for place, name in enumerate(HEAVY) if name in names), len(HEAVY))
        weights[item.path] = min(weight, weights.get(item.path, weight))
    items.sort(key=lambda item: weights[item.path])


def clone(folder: Path) -> Path:
    """A copy of what the working tree installs and runs, with changes that are not committed."""
    from noisegrid.crate.write import code_files  # needs rocrate, which the tests on a borrowed GPU do without

    for name, path in code_files().items():
        place = folder / name
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


def planned(output: str) -> dict[str, int]:
    """Jobs that a dry run plans, by rule."""
    table = re.search(r"Job stats:\n.*?\n(?:-+ +-+)\n(.*?)\n\n", output + "\n\n", re.S)
    rows = [line.split() for line in table.group(1).splitlines()] if table else []
    return {rule: int(count) for rule, count in rows if rule != "total"}


def metrics(folder: Path, study: str = "tiny") -> list[dict[str, str]]:
    with (folder / "results" / study / "metrics.csv").open() as file:
        return list(csv.DictReader(file))
