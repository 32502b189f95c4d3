"""Describe the machine of a campaign, in a process of its own so that the campaign itself starts no CUDA."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from commands import ROOT, python_path

SCRIPT = """
import json, torch
from noisegrid.runtime import machine
kind = "cuda" if torch.cuda.is_available() else "cpu"
software = {key: value for key, value in machine.software().items() if key != "packages"}
print(json.dumps({"device": machine.device(kind), "software": software}))
"""


def describe(work: Path) -> dict[str, Any]:
    """Return the device and the software as a record has them, with the commit; write them to WORK/machine.json."""
    environment = {**os.environ, "PYTHONPATH": python_path()}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the machine cannot be described; is everything of requirements.txt installed?\n{done.stderr}")
    about: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    try:
        about["commit"] = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):  # a copy of the working tree
        about["commit"] = "unknown"
    work.mkdir(parents=True, exist_ok=True)
    (work / "machine.json").write_text(json.dumps(about, indent=1) + "\n")
    return about
