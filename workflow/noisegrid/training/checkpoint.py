"""Checkpoints of unfinished runs, written at intervals and when the scheduler asks the job to stop.

The file name of a checkpoint is the digest of its bytes, so a truncated or changed checkpoint is detected and ignored.
A checkpoint belongs to one run, which is identified by its settings, seeds, switches, code and container image. No
other run resumes from this checkpoint. A resumed run ends with the same bits as an uninterrupted run, provided that all
its kernels are deterministic.
"""

import hashlib
import io
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import reason

#: Signals that ask a job to stop. SLURM sends SIGTERM at the time limit and before preemption; some sites send SIGUSR1
#: earlier. Ctrl-C sends SIGINT.
STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


class Interrupted(Exception):
    """Raised to stop a run. If the run has a checkpoint folder, it is saved first, and the next job resumes it."""


class Resumable(Protocol):
    """A run that can be checkpointed and resumed."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the run."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the run from a state that state_dict returned."""
        ...


class Checkpoints:
    """The checkpoints of one run, in a folder of their own.

    Parameters
    ----------
    folder : Path, optional
        The folder of the checkpoints. Without a folder, nothing is saved.
    identity : str
        Digest of everything that identifies the run. A checkpoint with a different identity is ignored.
    every_s : float
        Seconds between consecutive checkpoints.
    """

    def __init__(self, folder: Path | None = None, identity: str = "", every_s: float = 600.0) -> None:
        self.folder, self.identity, self.every_s = folder, identity, every_s
        self.saved_at = time.monotonic()
        self.asked_to_stop = False
        #: A function that is called with the run after every step, besides what this class does.
        self.on_visit: Callable[[Any], None] | None = None

    def listen(self) -> None:
        """Handle stop signals from now on, including those that arrived while stop signals were blocked."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._ask_to_stop)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def _ask_to_stop(self, number: int, frame: object) -> None:
        self.asked_to_stop = True

    def visit(self, run: Resumable) -> None:
        """Save the run if a checkpoint is due or the job has to stop. The run calls this method after every step.

        Raises
        ------
        Interrupted
            If the job has to stop. If there is a checkpoint folder, the run is saved first.
        """
        if self.on_visit is not None:
            self.on_visit(run)
        due = self.folder is not None and time.monotonic() - self.saved_at >= self.every_s
        if due or (self.asked_to_stop and self.folder is not None):
            self.save(run)
        if self.asked_to_stop:
            raise Interrupted

    def save(self, run: Resumable) -> None:
        """Write the state of the run to a new checkpoint, then delete all older checkpoints of the run."""
        assert self.folder is not None
        buffer = io.BytesIO()
        torch.save({"identity": self.identity, "state": run.state_dict()}, buffer)
        content = buffer.getvalue()
        path = self.folder / f"{hashlib.sha256(content).hexdigest()}.pt"
        temporary = self.folder / f".{os.getpid()}.pt"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise NoisegridError(
                f"cannot write a checkpoint into {self.folder}: {reason(error, self.folder)}"
            ) from error
        for old in self.folder.glob("*.pt"):
            if old != path:
                old.unlink(missing_ok=True)
        self.saved_at = time.monotonic()

    def resume(self, run: Resumable, device: torch.device) -> bool:
        """Resume the run from its newest valid checkpoint. Print a line to stderr for each checkpoint that is ignored.

        Returns
        -------
        bool
            Whether a valid checkpoint was found.
        """
        for path in sorted(self._files(), key=lambda path: path.stat().st_mtime, reverse=True):
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() != path.stem:
                print(f"checkpoint {path} is ignored: it is truncated or changed", file=sys.stderr, flush=True)
                continue
            found = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
            if found["identity"] != self.identity:
                print(
                    f"checkpoint {path} is ignored: it belongs to another run (the settings, the code or the "
                    "container image changed)",
                    file=sys.stderr,
                )
                continue
            run.load_state_dict(found["state"])
            return True
        return False

    def clear(self) -> None:
        """Delete all checkpoints of a finished run, and their folder if nothing else is in it."""
        for path in self._files():
            path.unlink(missing_ok=True)
        if self.folder is not None and self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _files(self) -> list[Path]:
        return [] if self.folder is None else list(self.folder.glob("*.pt"))
