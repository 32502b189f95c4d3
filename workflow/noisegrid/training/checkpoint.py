"""The state of a run that is not finished: put on disk now and then, and when the scheduler asks the job to stop.

A checkpoint's file name carries the digest of its bytes: it is whole and unchanged, or it is not used. Each belongs to
one run (settings, seeds, switches, code, image): a state of another is never taken up. A resumed run ends with the very
bits of an uninterrupted one wherever the run itself is repeatable.
"""

import hashlib
import io
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, Protocol

import torch

from noisegrid.common.errors import NoisegridError

#: What asks a job to stop: SLURM sends SIGTERM at the time limit and before preemption, some sites SIGUSR1 earlier.
STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class Interrupted(Exception):
    """The job was asked to stop; the run's state is on disk, and the next job goes on from there."""


class Resumable(Protocol):
    """What can be put away and taken up again."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class Checkpoints:
    """The checkpoints of one run, in a folder of their own. Without a folder nothing is ever saved."""

    def __init__(self, folder: Path | None = None, identity: str = "", every_s: float = 600.0) -> None:
        self.folder, self.identity, self.every_s = folder, identity, every_s
        self.saved_at = time.monotonic()
        self.asked_to_stop = False

    def listen(self) -> None:
        """From now on a stop signal, one that was blocked until now too, asks the run to put its state away."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._ask_to_stop)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def _ask_to_stop(self, number: int, frame: object) -> None:
        self.asked_to_stop = True

    def visit(self, run: Resumable) -> None:
        """Called between two steps: saves if it is time. Raises Interrupted, after saving, if the job has to stop."""
        due = self.folder is not None and time.monotonic() - self.saved_at >= self.every_s
        if due or (self.asked_to_stop and self.folder is not None):
            self.save(run)
        if self.asked_to_stop:
            raise Interrupted

    def save(self, run: Resumable) -> None:
        """Write the run's state; the older checkpoint goes when the new one is in place."""
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
            raise NoisegridError(f"cannot write a checkpoint into {self.folder}: {error.strerror}") from error
        for old in self.folder.glob("*.pt"):
            if old != path:
                old.unlink(missing_ok=True)
        self.saved_at = time.monotonic()

    def resume(self, run: Resumable, device: torch.device) -> bool:
        """Take up the newest good state, if there is one; says on stderr what was not good."""
        for path in sorted(self._files(), key=lambda path: path.stat().st_mtime, reverse=True):
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() != path.stem:
                print(f"{path} is truncated or changed; it is not used", file=sys.stderr, flush=True)
                continue
            found = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
            if found["identity"] != self.identity:
                print(
                    f"{path} belongs to another run (settings, code or image changed); it is not used", file=sys.stderr
                )
                continue
            run.load_state_dict(found["state"])
            return True
        return False

    def clear(self) -> None:
        """The run is finished: its checkpoints are not needed any more."""
        for path in self._files():
            path.unlink(missing_ok=True)
        if self.folder is not None and self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _files(self) -> list[Path]:
        return [] if self.folder is None else list(self.folder.glob("*.pt"))
