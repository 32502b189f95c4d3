"""Functions that run programs of this machine (git, nvidia-smi), which may be missing. Does not import torch."""

import subprocess
from pathlib import Path

TIMEOUT_S = 60


def lines_of(command: list[str]) -> list[str] | None:
    """Return the non-empty lines that a command prints, or None if the command is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return None
    return [line for line in done.stdout.splitlines() if line.strip()]


def nvidia_smi(*query: str) -> list[str]:
    """Query NVIDIA's driver; return one line per device or process, without units; no lines without a driver."""
    return lines_of(["nvidia-smi", *query, "--format=csv,noheader,nounits"]) or []


def git(root: Path, *arguments: str) -> list[str] | None:
    """Run git in a working tree, whoever owns it; return the output lines, or None without git or a repository."""
    return lines_of(["git", "-C", str(root), "-c", f"safe.directory={root}", *arguments])
