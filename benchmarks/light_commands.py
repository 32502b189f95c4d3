"""How light noisegrid is without its extras: the size of the base installation, and the time to plan.

    python benchmarks/light_commands.py

Builds the wheel, installs it with its dependencies into a fresh environment (which needs a package index), and measures
there: megabytes installed (without pip), and core seconds of `noisegrid --help` and `noisegrid plan quick`. In the
environment of this script: core seconds of parsing the Snakefile with all its includes, without Snakemake's own start.
Medians and ranges of ten runs.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNS = 10
PARSE = """
import time, sys
start = time.process_time()
sys.path.insert(0, "workflow")
from noisegrid.common.dependencies import command_digest
from noisegrid.planning.jobs import Jobs
from noisegrid.planning.plan import make
plan = make({"study": "quick"})
for command in ("measure", "compare-hardware", "tables", "cell-pages", "findings", "figure", "report"):
    command_digest(command)
print(time.process_time() - start)
"""


def core_seconds(command: list[object], cwd: Path) -> float:
    """Run a command, and return its user and system time in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([str(word) for word in command], cwd=cwd, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def show(name: str, values: list[float]) -> None:
    print(
        f"{name}: {statistics.median(values):.2f} s of core time ({min(values):.2f} to {max(values):.2f}, n = {RUNS})"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT], check=True)
        (wheel,) = folder.glob("*.whl")
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        python = folder / "venv/bin/python"
        subprocess.run([python, *pip[1:], "install", wheel], check=True)
        subprocess.run([python, "-m", "pip", "list"], check=True)
        (site,) = (folder / "venv/lib").glob("python*/site-packages")
        files = [path for path in site.rglob("*") if path.is_file()]
        own = [path for path in files if not path.relative_to(site).parts[0].startswith(("pip", "setuptools"))]
        print(
            f"wheel: {wheel.stat().st_size / 1e6:.2f} MB; installed: {sum(p.stat().st_size for p in own) / 1e6:.0f} MB"
        )
        command = folder / "venv/bin/noisegrid"
        for arguments in (["--help"], ["plan", "quick"]):
            show(f"noisegrid {' '.join(arguments)}", [core_seconds([command, *arguments], folder) for _ in range(RUNS)])
    command = [sys.executable, "-c", PARSE]
    parsed = [
        float(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout) for _ in range(RUNS)
    ]
    show("plan and digests of the Snakefile", parsed)


if __name__ == "__main__":
    main()
