"""The process that runs one side: `python -m noisegrid.divergence.side`, with the request as JSON on standard input."""

import json
import sys
from pathlib import Path

import numpy as np

from noisegrid.common.errors import NoisegridError
from noisegrid.divergence import trace
from noisegrid.divergence.recorder import Recorder
from noisegrid.divergence.request import Request, values_path
from noisegrid.divergence.subjects import record_run


def fulfil(request: Request) -> None:
    """Run the subject, and write its trace and the values that are asked for."""
    recorder = Recorder(request.steps, request.step, request.most, request.whole)
    about = record_run(request.subject, recorder)
    if request.whole is not None:
        values = {name: bits.cpu().numpy() for name, bits in recorder.values.items()}
        np.savez(values_path(request.output), allow_pickle=False, **values)
    trace.write(Path(request.output), recorder.trace(about))


def main() -> int:
    """Fulfil the request on standard input; return the exit status, after one sentence if something is wrong."""
    try:
        fulfil(Request.of(json.load(sys.stdin)))
    except NoisegridError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
