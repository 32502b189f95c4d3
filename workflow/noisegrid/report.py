"""The study's HTML report: Snakemake's reporter, called on the finished files with the config of the running workflow.

Snakemake can report only on what is finished, so the workflow's last rule calls it once more, without its lock.
Command: python -m noisegrid.report --snakefile Snakefile --config '{"study": ...}' --output report.html TARGET ...
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from noisegrid.basics.documents import WORKFLOW
from noisegrid.basics.errors import NoisegridError, exit_on_error
from noisegrid.basics.files import write_atomically

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


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m noisegrid.report", description=__doc__)
    parser.add_argument("targets", nargs="+", help="finished files of the workflow")
    parser.add_argument("--snakefile", type=Path, required=True)
    parser.add_argument("--config", required=True, help="the workflow's config, as JSON")
    parser.add_argument("--output", type=Path, required=True, help="the HTML file to write")
    options = parser.parse_args()
    write_report(options.snakefile, options.config, options.targets, options.output)


if __name__ == "__main__":
    exit_on_error(main)
