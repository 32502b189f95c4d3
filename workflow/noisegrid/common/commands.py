"""Asking the machine's own programs (git, nvidia-smi), which may be missing. Needs no torch."""

import subprocess
from pathlib import Path

TIMEOUT_S = 60


def lines_of(command: list[str]) -> list[str] | None:
    """The lines that a command prints, empty ones left out; None where it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return None
    return [line for line in done.stdout.splitlines() if line.strip()]


def nvidia_smi(*query: str) -> list[str]:
    """What NVIDIA's driver answers: a line per device or process, values without units; none without the driver."""
    return lines_of(["nvidia-smi", *query, "--format=csv,noheader,nounits"]) or []


def git(root: Path, *arguments: str) -> list[str] | None:
    """What git says of a working tree, also of one that another user owns; None without git or without a repository."""
    return lines_of(["git", "-C", str(root), "-c", f"safe.directory={root}", *arguments])
