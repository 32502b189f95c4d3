"""Write Snakemake's own report of a study: call its reporter with the config of the running workflow.

Snakemake reports only on finished files. A rule at the end of the workflow therefore starts a second Snakemake process,
which does not lock the working directory.
"""

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import write_atomically
from noisegrid.common.schemas import WORKFLOW

STYLESHEET = WORKFLOW / "report" / "narrow.css"


def write_report(snakefile: Path, config: str, targets: list[str], output: Path) -> None:
    """Write a self-contained HTML report of the targets.

    Parameters
    ----------
    snakefile : Path
        Path of the Snakefile of the workflow.
    config : str
        The config of the workflow, as JSON.
    targets : list of str
        The finished files to include in the report.
    output : Path
        Path of the HTML file to write.

    Raises
    ------
    NoisegridError
        If Snakemake fails. The message contains the output of Snakemake.
    """
    with tempfile.TemporaryDirectory() as folder:
        configfile = Path(folder) / "config.json"
        configfile.write_text(config)
        # the targets come first; after --configfile or --report, they would be read as arguments of that option
        snakemake = [sys.executable, "-m", "snakemake", *targets, "--snakefile", str(snakefile), "--nolock"]
        options = ["--cores", "1", "--configfile", str(configfile), "--report-stylesheet", str(STYLESHEET)]
        write_atomically(output, lambda path: _run([*snakemake, *options, "--report", str(path)]))


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode and os.strerror(errno.ENOSPC) in done.stderr:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # the caller says which disk is full
    if done.returncode:
        raise NoisegridError(f"snakemake --report failed:\n{done.stdout}{done.stderr}")
