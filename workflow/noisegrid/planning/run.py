"""Call Snakemake with the workflow of this installation."""

import importlib.util
import subprocess
import sys

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import ROOT


def command(study: str | None, options: list[str]) -> list[str]:
    """Return the command that runs a study.

    Parameters
    ----------
    study : str or None
        The name or path of the study; None for the study in the config.
    options : list of str
        The options and targets of Snakemake. A profile that noisegrid has, such as `slurm`, may be given by its name.
    """
    words = [str(ROOT / word) if last == "--profile" and _is_profile(word) else word
             for last, word in zip(["", *options], options, strict=False)]  # fmt: skip
    settings = [f"study={study}"] if study else []
    for name in ("--config", "-C"):
        if name in words:  # Snakemake counts only the last --config
            place = words.index(name) + 1
            words[place:place] = settings
            settings = []
    fixed = ["--snakefile", str(ROOT / "Snakefile"), "--workflow-profile", str(ROOT / "profiles" / "default")]
    return [sys.executable, "-m", "snakemake", *words, *fixed, *(["--config", *settings] if settings else [])]


def run_workflow(study: str | None, options: list[str]) -> int:
    """Run Snakemake in the current folder, and return its exit code. See `command` for the parameters.

    Raises
    ------
    NoisegridError
        If Snakemake is not installed.
    """
    if importlib.util.find_spec("snakemake") is None:
        raise NoisegridError(
            "running a study needs Snakemake; install it with: pip install 'noisegrid[train,workflow]'"
        )
    return subprocess.run(command(study, options), check=False).returncode


def _is_profile(name: str) -> bool:
    return "/" not in name and (ROOT / name / "config.yaml").is_file()
