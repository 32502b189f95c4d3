"""What one run of an audit does: the function, its arguments, and what is changed around it. No PyTorch is imported."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

#: The variable by which a process of an audited run knows that it is watched.
VARIABLE = "NOISEGRID_AUDIT"


@dataclass(frozen=True)
class Request:
    """One run of the audited function.

    Attributes
    ----------
    function : str
        The function, as package.module:function.
    arguments : dict
        Its keyword arguments.
    steps : int
        The number of steps of the optimisers after which the run ends.
    folder : str
        The folder for the logs, one file for each process.
    threads : int
        The number of threads of PyTorch.
    workers : int, optional
        The number of workers of every DataLoader, instead of the function's own.
    other_values : tuple of str
        What draws of random numbers get other values, while the generator moves as before: places such as
        `train.py:12`, log.EVALUATION for what is drawn while a network is evaluated, or DataLoaders such as `loader 1`.
    """

    function: str
    arguments: dict[str, Any] = field(default_factory=dict)
    steps: int = 20
    folder: str = ""
    threads: int = 1
    workers: int | None = None
    other_values: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the request as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: str) -> "Request":
        """Return a request from its JSON."""
        return cls(**json.loads(text))
