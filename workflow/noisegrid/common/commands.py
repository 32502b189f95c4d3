"""Functions that run external programs (git), which may be missing. This module does not import torch."""

import subprocess
from pathlib import Path

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
