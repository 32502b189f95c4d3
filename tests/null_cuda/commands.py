"""Run commands of noisegrid, each in a process that is forked from one that has imported PyTorch: `commands.py JSON`.

JSON has, for each command, the variables of its machine, its arguments, and the file that its output is written to. The
commands run one after the other. A line of JSON has their exit codes.
"""

import json
import os
import sys
import tempfile
import traceback

import noisegrid.training.job  # noqa: F401 - what `noisegrid train` imports, once for all commands
from noisegrid.cli.main import main


def run(variables: dict[str, str], arguments: list[str], output: str) -> int:
    """Run a command in a process of its own; return its exit code."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.environ.update(variables)
    tempfile.tempdir = None  # found before the fork; TMPDIR may be another one now
    file = os.open(output, os.O_WRONLY | os.O_CREAT)
    os.dup2(file, 1)
    os.dup2(file, 2)
    code = 70
    try:
        code = main(arguments)
    except Exception:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    print(json.dumps([run(*command) for command in json.loads(sys.argv[1])]))
