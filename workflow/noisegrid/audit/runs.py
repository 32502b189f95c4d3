"""Run an audited function in processes of its own, under different seeds and surroundings. No PyTorch is imported."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from noisegrid.audit import log
from noisegrid.audit.log import Log
from noisegrid.audit.request import Request
from noisegrid.common.commands import python_environment
from noisegrid.common.errors import NoisegridError


class CannotJudge(NoisegridError):
    """Raised when a function cannot be audited."""

    exit_code = 6


#: The status of a run that did not end in time.
TIMEOUT = -1


@dataclass(frozen=True)
class Runs:
    """The runs of one function.

    Attributes
    ----------
    function : str
        The function, as package.module:function.
    seeds : tuple of str
        The names of its arguments that are seeds.
    servers : Servers
        The processes that run it.
    resumable : bool
        Whether it takes the argument `checkpoint`.
    steps : int
        The number of steps after which a run ends.
    timeout : float
        The time in seconds after which a run is given up.
    say : callable
        What to call with a line of text before each run.
    """

    function: str
    seeds: tuple[str, ...]
    servers: "Servers"
    resumable: bool = False
    steps: int = 20
    timeout: float = 300
    say: Callable[[str], None] = field(default=lambda text: None)

    def run(self, what: str, *, hash_seed: str = "0", seeds: dict[str, int] | None = None, **changes: Any) -> list[Log]:
        """Run the function, and return the logs of its processes.

        Parameters
        ----------
        what : str
            What this run is for, in words.
        hash_seed : str
            The value of PYTHONHASHSEED.
        seeds : dict, optional
            The seeds that are not 0.
        **changes
            Other values of the Request.

        Raises
        ------
        CannotJudge
            If the function fails, or does not end in time.
        """
        self.say(what)
        arguments = dict.fromkeys(self.seeds, 0) | (seeds or {}) | changes.pop("arguments", {})
        with tempfile.TemporaryDirectory() as folder:
            request = replace(Request(self.function, arguments, self.steps, folder), **changes)
            if self.resumable and "checkpoint" not in arguments:
                request = replace(request, arguments=arguments | {"checkpoint": f"{folder}/checkpoint"})
            self._finish(request, hash_seed)
            logs = log.read(Path(folder))
        if not any(one.first("step") for one in logs):
            raise CannotJudge(
                f"{self.function}: no optimiser of torch.optim took a step, so nothing can be judged; "
                "call one in the function"
            )
        return logs

    def _finish(self, request: Request, hash_seed: str) -> None:
        errors = Path(request.folder) / "errors"
        status = self.servers.run(request, str(errors), self.timeout, hash_seed)
        if status == TIMEOUT:
            raise CannotJudge(f"{self.function} did not end in {self.timeout:g} s; raise --timeout, or lower --steps")
        if status:
            lines = [line for line in errors.read_text(errors="replace").splitlines() if line.strip()]
            raise CannotJudge(lines[-1] if lines else f"{self.function} ended with status {status}")


class Servers:
    """Processes that run audited functions in forks (see server), one for each PYTHONHASHSEED. Use it in a `with`.

    Parameters
    ----------
    libraries : iterable of str
        Modules that each process imports once, instead of in each run.
    """

    def __init__(self, libraries: Iterable[str] = ()) -> None:
        self._libraries = tuple(libraries)
        self._processes: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> "Servers":
        """Return it; no process runs yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes."""
        for process in self._processes.values():
            process.kill()
            process.communicate()

    def start(self, hash_seed: str) -> "subprocess.Popen[str]":
        """Start the process with a PYTHONHASHSEED, if it does not run yet; return it."""
        if hash_seed not in self._processes:
            self._processes[hash_seed] = _started(hash_seed, self._libraries)
        return self._processes[hash_seed]

    def run(self, request: Request, errors: str, timeout: float, hash_seed: str) -> int:
        """Run a request; return its exit status (see server.run)."""
        process = self.start(hash_seed)
        assert process.stdin and process.stdout
        job = {"request": request.to_json(), "errors": errors, "timeout": timeout}
        try:
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline())
        except (BrokenPipeError, ValueError) as error:
            raise CannotJudge("the process that runs the function ended; run the audit again") from error


def _started(hash_seed: str, libraries: tuple[str, ...]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "noisegrid.audit.server", *libraries],
        env=python_environment(str(Path.cwd()), PYTHONHASHSEED=hash_seed, OMP_NUM_THREADS="1"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
