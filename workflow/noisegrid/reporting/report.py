"""The study's HTML report: Snakemake's reporter, called on the finished files with the config of the running workflow.

Snakemake can report only on what is finished, so the workflow's last rule calls it once more, without its lock.
Command: python -m noisegrid.report --snakefile Snakefile --config '{"study": ...}' --output report.html TARGET ...
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import write_atomically
from noisegrid.common.schemas import WORKFLOW

STYLESHEET = WORKFLOW / "report" / "narrow.css"


def write_report(snakefile: Path, config: str, targets: list[str], output: Path) -> None:
    """Make a self-contained HTML report of the targets."""
    with tempfile.TemporaryDirectory() as folder:
        configfile = Path(folder) / "config.json"
        configfile.write_text(config)
        # targets first: --configfile and --report would swallow them
        snakemake = [sys.executable, "-m", "snakemake", *targets, "--snakefile", str(snakefile), "--nolock"]
        options = ["--cores", "1", "--configfile", str(configfile), "--report-stylesheet", str(STYLESHEET)]
        write_atomically(output, lambda path: _run([*snakemake, *options, "--report", str(path)]))


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise NoisegridError(f"snakemake --report failed:\n{done.stdout}{done.stderr}")
