"""A process that runs an audited function again and again, each time in a fork: `python -m noisegrid.audit.server`.

It has imported PyTorch, the libraries that its arguments name, and nothing of the user's. So every run begins as in a
process of its own, without waiting for these imports. Each line of its standard input is a job in JSON, each line of
its standard output the exit status.
"""

import json
import os
import random
import signal
import sys
import time
from contextlib import suppress
from importlib import import_module

import numpy as np
import torch
import torch._dynamo  # optimisers import it in their first step, which takes longer than most runs

from noisegrid.audit import side
from noisegrid.audit.request import VARIABLE
from noisegrid.audit.runs import TIMEOUT
from noisegrid.common.errors import NoisegridError


def run(request: str, errors: str, timeout: float) -> int:
    """Run a request in a fork; return its exit status, or TIMEOUT.

    Parameters
    ----------
    request : str
        The request in JSON.
    errors : str
        The file for its standard error.
    timeout : float
        The time in seconds after which it is ended.
    """
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        _begin(errors)
        os._exit(_finished(request))
    with suppress(OSError):  # the child may have done it first, or have ended
        os.setpgid(child, child)
    status = _waited(child, timeout)
    with suppress(OSError):  # what it left: workers and ranks
        os.killpg(child, signal.SIGKILL)
    return status


def _begin(errors: str) -> None:
    """Give a fork files of its own, and random generators that are seeded as in a new process: by the system."""
    nothing = os.open(os.devnull, os.O_RDWR)
    file = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number, target in ((0, nothing), (1, nothing), (2, file)):
        os.dup2(target, number)
    random.seed()
    np.random.seed()  # noqa: NPY002
    torch.default_generator.seed()


def _finished(request: str) -> int:
    os.environ[VARIABLE] = request
    try:
        side.audited(request)
    except NoisegridError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _waited(child: int, timeout: float) -> int:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return TIMEOUT


def main() -> None:
    """Run the jobs of the standard input, one after the other."""
    for library in sys.argv[1:]:
        import_module(library)
    for line in sys.stdin:
        print(run(**json.loads(line)), flush=True)


if __name__ == "__main__":
    main()
