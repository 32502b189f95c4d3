"""Functions that run other programs (git, Python). This module does not import torch."""

import os
import subprocess
from pathlib import Path

from noisegrid.common.schemas import PACKAGE

TIMEOUT_S = 60


def lines_of(command: list[str]) -> list[str] | None:
    """Return the non-empty lines that a command prints, or None if the command is missing, fails or times out."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return None
    return [line for line in done.stdout.splitlines() if line.strip()]


def git(root: Path, *arguments: str) -> list[str] | None:
    """Run git in a working tree, even if another user owns it.

    Return the non-empty output lines. If git is missing or fails, for example outside a repository, return None.
    """
    return lines_of(["git", "-C", str(root), "-c", f"safe.directory={root}", *arguments])


def python_environment(*folders: str, **variables: str) -> dict[str, str]:
    """Return the environment for another Python process, which imports this package and modules of some folders.

    Parameters
    ----------
    *folders
        Folders that come after the package's own and before those that PYTHONPATH has already.
    **variables
        Further variables.
    """
    paths = filter(None, [str(PACKAGE.parent), *folders, os.environ.get("PYTHONPATH", "")])
    return {**os.environ, **variables, "PYTHONPATH": os.pathsep.join(paths)}
