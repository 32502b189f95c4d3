"""A process that multiprocessing started ends with its parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT

SCRIPT = """
import multiprocessing, sys, time
from noisegrid.runtime.children import end_with_parent

def work(guarded):
    if guarded:
        end_with_parent()
    print(multiprocessing.current_process().pid, flush=True)
    time.sleep(600)

process = multiprocessing.get_context("fork").Process(target=work, args=(sys.argv[1] == "guarded",))
process.start()
process.join()
"""


@pytest.mark.parametrize(("how", "ends"), [("guarded", True), ("alone", False)])
def test_a_killed_parent_takes_its_child_along(how, ends):
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow")}
    parent = subprocess.Popen([sys.executable, "-c", SCRIPT, how], stdout=subprocess.PIPE, text=True, env=environment)
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    end = time.monotonic() + (60 if ends else 1)
    while (alive := _lives(child)) and time.monotonic() < end:
        time.sleep(0.1)
    if alive:
        os.kill(child, signal.SIGKILL)
    parent.stdout.close()
    assert alive != ends


def _lives(number: int) -> bool:
    """Whether a process runs; an ended one that nobody waited for does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
