"""What one side of a comparison runs, and what of it is recorded. This module imports no PyTorch."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

#: The number of operations after which a trace is cut off, which bounds its memory.
MOST_OPERATIONS = 50_000


@dataclass(frozen=True)
class Subject:
    """One side of a comparison.

    Attributes
    ----------
    kind : {"record", "task", "step"}
        What `name` is: the path of a record.json, a task of the catalog, or package.module:function.
    name : str
        The name.
    changes : tuple of str
        What to change, each as KEY=VALUE (see changes.parsed).
    hardware : str
        For a task, the name of the hardware entry.
    datasets : str
        The folder of the prepared datasets.
    """

    kind: str
    name: str
    changes: tuple[str, ...] = ()
    hardware: str = "cpu"
    datasets: str = "resources/datasets"


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
        The path of the trace to write; empty if the trace is not kept.
    whole : int, optional
        The number of an operation of this step whose inputs and outputs are written whole, beside the trace.
    """

    subject: Subject
    steps: int = 20
    step: int = 0
    most: int = MOST_OPERATIONS
    output: str = ""
    whole: int | None = None

    def to_json(self) -> str:
        """Return the request as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, found: dict[str, Any]) -> "Request":
        """Return a request from its JSON value."""
        subject = found["subject"]
        return cls(**found | {"subject": Subject(**subject | {"changes": tuple(subject["changes"])})})


def values_path(output: str) -> Path:
    """Return the path of the values that are written beside a trace."""
    return Path(f"{output}.npz")
