"""Run a command until a deadline."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# noisegrid may not be installed on a borrowed machine; all modules of the campaign come after this one
sys.path.insert(0, str(ROOT / "workflow"))
#: Seconds that a command may take to end after it was asked to: a replicate writes its checkpoint.
GRACE_S = 10.0


def run_until(deadline: float, log: Path, *command: object) -> str:
    """Run `python COMMAND` with its output in a log file, and stop it at the deadline.

    Parameters
    ----------
    deadline : float
        The time, as time.monotonic() gives it, at which the command is asked to stop.
    log : Path
        The file to which stdout and stderr are appended.
    *command : object
        The arguments of Python.

    Returns
    -------
    str
        `finished`, `stopped at the deadline`, `no time left`, or `failed` with the exit status.
    """
    if (left := deadline - time.monotonic()) <= 0:
        return "no time left"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": python_path()}
    with log.open("a") as file:
        print("$ python", *command, file=file, flush=True)
        process = subprocess.Popen(
            [sys.executable, *map(str, command)],
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=ROOT,
            start_new_session=True,
        )
        try:
            status = process.wait(left)
        except subprocess.TimeoutExpired:
            _end(process)
            return "stopped at the deadline"
        except BaseException:  # such as Ctrl-C
            _end(process)
            raise
    return "finished" if status == 0 else f"failed with status {status}; see {log.name}"


def python_path() -> str:
    """Return PYTHONPATH with noisegrid in front, for a process of the campaign."""
    return os.pathsep.join(filter(None, [str(ROOT / "workflow"), os.environ.get("PYTHONPATH", "")]))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and kill it and its children if they have not ended after GRACE_S seconds."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
