"""The process that runs one side: `python -m noisegrid.divergence.side`, with the request as JSON on standard input."""

import json
import sys
from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.divergence import trace
from noisegrid.divergence.recorder import Recorder
from noisegrid.divergence.request import Request
from noisegrid.divergence.subjects import record_run


def fulfil(request: Request) -> None:
    """Run the subject and write its trace."""
    recorder = Recorder(request.steps, request.step, request.most)
    about = record_run(request.subject, recorder)
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
