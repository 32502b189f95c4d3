"""The process that runs one side: `python -m noisegrid.divergence.side`, with the request as JSON on standard input."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError
from noisegrid.divergence import trace
from noisegrid.divergence.recorder import Recorder
from noisegrid.divergence.subjects import Subject


@dataclass(frozen=True)
class Request:
    """What a side shall run, and what of it shall be recorded.

    Attributes
    ----------
    subject : Subject
        What to run.
    steps, step : int
        The number of steps, and the one whose operations are recorded.
    most : int
        The number of operations that are kept.
    output : str
        The path of the trace to write.
    """

    subject: Subject
    steps: int
    step: int
    most: int
    output: str

    def to_json(self) -> str:
        """Return the request as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, found: dict[str, Any]) -> "Request":
        """Return a request from its JSON value."""
        subject = found["subject"]
        return cls(**found | {"subject": Subject(**subject | {"changes": tuple(subject["changes"])})})


def fulfil(request: Request) -> None:
    """Run the subject and write its trace."""
    recorder = Recorder(request.steps, request.step, request.most)
    about = request.subject.record(recorder)
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
