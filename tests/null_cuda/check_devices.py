"""Ask whether training may use the GPU of several machines: `check_devices.py MODEL VARIABLES...`.

VARIABLES are those of one machine as JSON. For each machine, a process is forked, which prints the error or `usable`.
"""

import json
import os
import sys

from noisegrid.common.errors import NoisegridError
from noisegrid.runtime import machine


def ask(model: str) -> None:
    """Print what is wrong with the GPU of this process."""
    try:
        machine.check_device(model)
        print("usable", flush=True)
    except NoisegridError as error:
        print(error, flush=True)


if __name__ == "__main__":
    for model, variables in json.loads(sys.argv[1]):
        if child := os.fork():
            os.waitpid(child, 0)
            continue
        os.environ.update(variables)
        ask(model)
        os._exit(0)
